// Go clients against our servers or Apache's: conformance-go zookeeper|kafka|sarama HOST:PORT
//
// Each check asserts; the first wrong result ends its suite with exit code 1.
package main

import (
	"fmt"
	"os"
	"time"
)

// run makes every name that this run creates its own, so that runs on one server do not meet.
var run = fmt.Sprintf("%x", time.Now().UnixNano())

type check struct {
	name string
	body func(address string) error
}

func main() {
	suites := map[string][]check{"zookeeper": append(zookeeperChecks, sessionChecks...), "kafka": kafkaChecks, "sarama": saramaChecks}
	if len(os.Args) < 3 || suites[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: conformance-go zookeeper|kafka|sarama HOST:PORT")
		os.Exit(2)
	}
	failed := false
	for _, check := range suites[os.Args[1]] {
		started := time.Now()
		if err := check.body(os.Args[2]); err != nil {
			failed = true
			fmt.Printf("  FAILED %s: %v\n", check.name, err)
			continue
		}
		fmt.Printf("  ok     %s (%.2f s)\n", check.name, time.Since(started).Seconds())
	}
	if failed {
		os.Exit(1)
	}
}

// want reports a value that is not the expected one.
func want[T comparable](what string, got, expected T) error {
	if got != expected {
		return fmt.Errorf("%s: got %v, want %v", what, got, expected)
	}
	return nil
}

// first gives the first error of a list.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
