package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

var saramaChecks = []check{
	{"every codec, with headers", saramaCodecs},
	{"protocols of old brokers", saramaOldVersions},
	{"records of nearly a megabyte, and one too large", saramaLarge},
	{"seeking by time", saramaByTime},
	{"a group with commits", saramaGroup},
	{"topics and their settings", saramaTopics},
}

func saramaConfig(version sarama.KafkaVersion) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = version
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.MaxMessageBytes = 10 << 20
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	return config
}

// saramaTopic makes a topic of the name.
func saramaTopic(address, name string, partitions int32) (string, error) {
	topic := "sarama-" + name + "-" + run
	admin, err := sarama.NewClusterAdmin([]string{address}, saramaConfig(sarama.V2_1_0_0))
	if err != nil {
		return "", err
	}
	defer admin.Close()
	return topic, admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

func saramaSend(address string, config *sarama.Config, messages []*sarama.ProducerMessage) error {
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.SendMessages(messages)
}

// saramaRead reads count messages of partition 0, from an offset on.
func saramaRead(address string, config *sarama.Config, topic string, offset int64, count int) ([]*sarama.ConsumerMessage, error) {
	consumer, err := sarama.NewConsumer([]string{address}, config)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, offset)
	if err != nil {
		return nil, err
	}
	defer partition.Close()
	var messages []*sarama.ConsumerMessage
	deadline := time.After(30 * time.Second)
	for len(messages) < count {
		select {
		case message := <-partition.Messages():
			messages = append(messages, message)
		case <-deadline:
			return nil, fmt.Errorf("read %d of %d messages within 30 s", len(messages), count)
		}
	}
	return messages, nil
}

func saramaMessages(topic string, count int, headers bool) []*sarama.ProducerMessage {
	messages := make([]*sarama.ProducerMessage, count)
	for i := range messages {
		messages[i] = &sarama.ProducerMessage{
			Topic: topic, Partition: 0, Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder(fmt.Sprintf("value %d", i)),
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)*1000),
		}
		if headers {
			messages[i].Headers = []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("x")}, {Key: []byte("b")}}
		}
	}
	return messages
}

func saramaThereAndBack(address, name string, config *sarama.Config, headers bool) error {
	topic, err := saramaTopic(address, name, 1)
	if err != nil {
		return err
	}
	if err := saramaSend(address, config, saramaMessages(topic, 300, headers)); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	messages, err := saramaRead(address, config, topic, sarama.OffsetOldest, 300)
	if err != nil {
		return err
	}
	for i, message := range messages {
		wanted := 0
		if headers {
			wanted = 2
		}
		err := first(
			want("offset", message.Offset, int64(i)), want("key", string(message.Key), "key"),
			want("value", string(message.Value), fmt.Sprintf("value %d", i)), want("headers", len(message.Headers), wanted),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func saramaCodecs(address string) error {
	codecs := []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
	for _, codec := range codecs {
		config := saramaConfig(sarama.V2_8_0_0)
		config.Producer.Compression = codec
		if err := saramaThereAndBack(address, codec.String(), config, true); err != nil {
			return fmt.Errorf("%s: %w", codec, err)
		}
	}
	return nil
}

func saramaOldVersions(address string) error {
	versions := []sarama.KafkaVersion{
		sarama.V0_8_2_0, sarama.V0_9_0_1, sarama.V0_10_0_0, sarama.V0_10_2_0, sarama.V0_11_0_2, sarama.V1_1_1_0, sarama.V2_1_0_0,
	}
	for _, version := range versions {
		config := saramaConfig(version)
		config.Producer.Compression = sarama.CompressionGZIP
		headers := version.IsAtLeast(sarama.V0_11_0_0)
		if err := saramaThereAndBack(address, "v"+strings.ReplaceAll(version.String(), ".", "-"), config, headers); err != nil {
			return fmt.Errorf("as for a broker of %s: %w", version, err)
		}
	}
	return nil
}

func saramaLarge(address string) error {
	config := saramaConfig(sarama.V2_8_0_0)
	topic, err := saramaTopic(address, "large", 1)
	if err != nil {
		return err
	}
	large := func(size int) []*sarama.ProducerMessage {
		return []*sarama.ProducerMessage{{Topic: topic, Partition: 0, Value: sarama.ByteEncoder(make([]byte, size))}}
	}
	for range 3 {
		if err := saramaSend(address, config, large(1_000_000)); err != nil {
			return err
		}
	}
	var refused sarama.ProducerErrors
	err = saramaSend(address, config, large(1_100_000))
	if !errors.As(err, &refused) || !errors.Is(refused[0].Err, sarama.ErrMessageSizeTooLarge) {
		return fmt.Errorf("a message too large: got %v", err)
	}
	messages, err := saramaRead(address, config, topic, sarama.OffsetOldest, 3)
	if err != nil {
		return err
	}
	return first(want("size", len(messages[2].Value), 1_000_000), want("offset", messages[2].Offset, int64(2)))
}

func saramaByTime(address string) error {
	config := saramaConfig(sarama.V2_8_0_0)
	topic, err := saramaTopic(address, "time", 1)
	if err != nil {
		return err
	}
	if err := saramaSend(address, config, saramaMessages(topic, 10, false)); err != nil {
		return err
	}
	client, err := sarama.NewClient([]string{address}, config)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err1 := client.GetOffset(topic, 0, 1_700_000_004_500)
	oldest, err2 := client.GetOffset(topic, 0, sarama.OffsetOldest)
	newest, err3 := client.GetOffset(topic, 0, sarama.OffsetNewest)
	err = first(err1, err2, err3, want("by time", found, 5), want("oldest", oldest, 0), want("newest", newest, 10))
	if err != nil {
		return err
	}
	messages, err := saramaRead(address, config, topic, found, 5)
	if err != nil {
		return err
	}
	return want("first from there", string(messages[0].Value), "value 5")
}

func saramaGroup(address string) error {
	config := saramaConfig(sarama.V2_8_0_0)
	topic, err := saramaTopic(address, "group", 1)
	if err != nil {
		return err
	}
	if err := saramaSend(address, config, saramaMessages(topic, 20, false)); err != nil {
		return err
	}
	client, err := sarama.NewClient([]string{address}, config)
	if err != nil {
		return err
	}
	defer client.Close()
	manager, err := sarama.NewOffsetManagerFromClient(topic+"-group", client)
	if err != nil {
		return err
	}
	partition, err := manager.ManagePartition(topic, 0)
	if err != nil {
		return err
	}
	partition.MarkOffset(12, "noted")
	manager.Commit()
	if err := first(partition.Close(), manager.Close()); err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin([]string{address}, config)
	if err != nil {
		return err
	}
	defer admin.Close()
	offsets, err := admin.ListConsumerGroupOffsets(topic+"-group", map[string][]int32{topic: {0}})
	if err != nil {
		return err
	}
	block := offsets.GetBlock(topic, 0)
	return first(want("committed", block.Offset, 12), want("note", block.Metadata, "noted"))
}

func saramaTopics(address string) error {
	topic, err := saramaTopic(address, "settings", 2)
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin([]string{address}, saramaConfig(sarama.V2_8_0_0))
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreatePartitions(topic, 3, nil, false); err != nil {
		return err
	}
	hour := "3600000"
	if err := admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &hour}, false); err != nil {
		return err
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		entries, err1 := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
		described, err2 := admin.DescribeTopics([]string{topic})
		if err := first(err1, err2); err != nil {
			return err
		}
		if len(entries) == 1 && entries[0].Value == hour && len(described[0].Partitions) == 3 {
			return admin.DeleteTopic(topic)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("settings %v, %d partitions", entries, len(described[0].Partitions))
		}
	}
}
