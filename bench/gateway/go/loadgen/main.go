// loadgen asks one address over and over, each connection waiting for its answer before it asks again, and prints one line of JSON: times,
// and what the metered process spent meanwhile. It stops by itself: after the count of requests or the time, whichever is first.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

type headers []string

func (list *headers) String() string         { return fmt.Sprint(*list) }
func (list *headers) Set(value string) error { *list = append(*list, value); return nil }

// report is what bench/gateway/load.ts reads. CPU and memory are -1 where they were not metered.
type report struct {
	Sent      int64   `json:"sent"` // with the warm-up
	Ok        int     `json:"ok"`
	Bad       int64   `json:"bad"` // with the warm-up
	Reason    string  `json:"reason"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"p50"` // milliseconds, here and below
	P99       float64 `json:"p99"`
	FirstP50  float64 `json:"firstP50"`
	Events    int64   `json:"events"`
	CpuMicros float64 `json:"cpuMicros"` // of the whole run
	RssMb     float64 `json:"rssMb"`     // the highest seen, MB of 10^6 bytes
}

func percentile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return -1
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func main() {
	var extra headers
	address := flag.String("url", "", "address to ask")
	bodyFile := flag.String("body", "", "file with the request's body")
	connections := flag.Int("connections", 1, "how many ask at once")
	count := flag.Int("count", 1000, "requests in all")
	warm := flag.Int("warm", 0, "requests before, over the same connections, that are not measured")
	limit := flag.Duration("limit", 20*time.Second, "begin no request after this")
	events := flag.Int("events", 0, "events that a stream must have at least; 0: the answer is no stream")
	pid := flag.Int("pid", 0, "process to meter, with its children")
	flag.Var(&extra, "header", "`Name: value` to send; may be given several times")
	flag.Parse()

	body, err := os.ReadFile(*bodyFile)
	if err != nil {
		log.Fatal(err)
	}
	ask, err := newClient(*address, extra, body, *events)
	if err != nil {
		log.Fatal(err)
	}
	lines := make([]*line, *connections)
	for at := range lines {
		lines[at] = &line{client: ask}
		defer lines[at].hangUp()
	}

	var result report
	drive(lines, *warm, *limit, &result)
	warmed := result.Sent
	meter := startMeter(*pid)
	begun := time.Now()
	done := drive(lines, *count, *limit, &result)
	result.Seconds = time.Since(begun).Seconds()
	result.CpuMicros, result.RssMb = meter.stop()

	var first, total []float64
	for _, one := range done {
		first = append(first, one.first)
		total = append(total, one.total)
		result.Events += int64(one.events)
	}
	slices.Sort(first)
	slices.Sort(total)
	result.Ok = len(done)
	result.P50, result.P99 = percentile(total, 0.5), percentile(total, 0.99)
	result.FirstP50 = percentile(first, 0.5)
	if result.Sent == warmed {
		result.Reason = "no request was sent in time"
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

// drive sends count requests over the lines and answers those that were right.
func drive(lines []*line, count int, limit time.Duration, result *report) []exchange {
	var next, sent, bad atomic.Int64
	var mutex sync.Mutex
	var group sync.WaitGroup
	var all []exchange
	begun := time.Now()
	for _, one := range lines {
		group.Go(func() {
			var mine []exchange
			for next.Add(1) <= int64(count) && time.Since(begun) < limit {
				sent.Add(1)
				answered, err := one.exchange()
				if err == nil {
					mine = append(mine, answered)
					continue
				}
				bad.Add(1)
				mutex.Lock()
				result.Reason = err.Error()
				mutex.Unlock()
			}
			mutex.Lock()
			all = append(all, mine...)
			mutex.Unlock()
		})
	}
	group.Wait()
	result.Sent += sent.Load()
	result.Bad += bad.Load()
	return all
}
