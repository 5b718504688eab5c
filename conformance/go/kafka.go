package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var kafkaChecks = []check{
	{"idempotent produce and fetch with every codec", produceAndFetch},
	{"group with commits", group},
	{"two members share the partitions", twoMembers},
	{"offsets listed", offsets},
	{"topics made, described, deleted", topics},
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

// fresh makes a topic and gives a client with the options, and the topic's name.
func fresh(address, name string, partitions int32, options ...kgo.Opt) (*kgo.Client, string, error) {
	topic := "go-" + name + "-" + run
	ctx, cancel := deadline()
	defer cancel()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(address))...)
	if err != nil {
		return nil, "", err
	}
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic)
	return client, topic, err
}

func fill(client *kgo.Client, topic string, count, partitions int) error {
	ctx, cancel := deadline()
	defer cancel()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{
			Topic: topic, Partition: int32(i % partitions), Key: []byte("key"), Value: fmt.Appendf(nil, "value %d", i),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}},
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

// take reads until count records are there.
func take(client *kgo.Client, count int) ([]*kgo.Record, error) {
	ctx, cancel := deadline()
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(ctx)
		if errs := fetches.Errors(); len(errs) > 0 {
			return nil, fmt.Errorf("read %d of %d records: %w", len(records), count, errs[0].Err)
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func produceAndFetch(address string) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		producer, topic, err := fresh(address, name, 1, kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			return err
		}
		defer producer.Close()
		if err := fill(producer, topic, 500, 1); err != nil {
			return fmt.Errorf("produce with %s: %w", name, err)
		}
		consumer, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			return err
		}
		defer consumer.Close()
		records, err := take(consumer, 500)
		if err != nil {
			return fmt.Errorf("fetch with %s: %w", name, err)
		}
		for i, record := range records {
			err := first(
				want("offset", record.Offset, int64(i)), want("value", string(record.Value), fmt.Sprintf("value %d", i)),
				want("headers", len(record.Headers), 1),
			)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func member(address, topic, group string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(address), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200*time.Millisecond),
	)
}

func group(address string) error {
	producer, topic, err := fresh(address, "group", 2, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer producer.Close()
	name := topic + "-group"
	for _, count := range []int{20, 30} {
		if err := fill(producer, topic, count, 2); err != nil {
			return err
		}
		consumer, err := member(address, topic, name)
		if err != nil {
			return err
		}
		records, err := take(consumer, count)
		if err == nil {
			err = want("records since the last commit", len(records), count)
		}
		ctx, cancel := deadline()
		err = first(err, consumer.CommitUncommittedOffsets(ctx))
		cancel()
		consumer.Close()
		if err != nil {
			return err
		}
	}
	ctx, cancel := deadline()
	defer cancel()
	committed, err := kadm.NewClient(producer).FetchOffsets(ctx, name)
	if err != nil {
		return err
	}
	for partition := range int32(2) {
		offset, _ := committed.Lookup(topic, partition)
		if err := want("committed", offset.At, 25); err != nil {
			return err
		}
	}
	return nil
}

func twoMembers(address string) error {
	admin, topic, err := fresh(address, "members", 4)
	if err != nil {
		return err
	}
	defer admin.Close()
	name := topic + "-group"
	ctx, cancel := deadline()
	defer cancel()
	for range 2 {
		consumer, err := member(address, topic, name)
		if err != nil {
			return err
		}
		defer consumer.CloseAllowingRebalance()
		go func() {
			for ctx.Err() == nil {
				consumer.PollFetches(ctx)
			}
		}()
	}
	for {
		described, err := kadm.NewClient(admin).DescribeGroups(ctx, name)
		if err != nil {
			return err
		}
		var shares []int
		for _, member := range described[name].Members {
			if assigned, ok := member.Assigned.AsConsumer(); ok {
				for _, topic := range assigned.Topics {
					shares = append(shares, len(topic.Partitions))
				}
			}
		}
		if described[name].State == "Stable" && fmt.Sprint(shares) == "[2 2]" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no fair share within 30 s: %s %v", described[name].State, shares)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func offsets(address string) error {
	client, topic, err := fresh(address, "offsets", 1, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	before := time.Now().UnixMilli()
	if err := fill(client, topic, 10, 1); err != nil {
		return err
	}
	ctx, cancel := deadline()
	defer cancel()
	admin := kadm.NewClient(client)
	start, err1 := admin.ListStartOffsets(ctx, topic)
	end, err2 := admin.ListEndOffsets(ctx, topic)
	at, err3 := admin.ListOffsetsAfterMilli(ctx, before-1, topic)
	if err := first(err1, err2, err3); err != nil {
		return err
	}
	low, _ := start.Lookup(topic, 0)
	high, _ := end.Lookup(topic, 0)
	found, _ := at.Lookup(topic, 0)
	return first(want("start", low.Offset, 0), want("end", high.Offset, 10), want("by time", found.Offset, 0))
}

func topics(address string) error {
	client, topic, err := fresh(address, "topics", 3)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := deadline()
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("second create: got error %v", err)
	}
	listed, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	if err := want("partitions", len(listed[topic].Partitions), 3); err != nil {
		return err
	}
	if _, err := admin.DeleteTopic(ctx, topic); err != nil {
		return err
	}
	for {
		listed, err := admin.ListTopics(ctx)
		if err != nil {
			return err
		}
		if !listed.Has(topic) {
			return nil
		}
	}
}
