package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// meter reads CPU and memory of a process and all below it from /proc; elsewhere than on Linux it answers -1.
type meter struct {
	root        int
	ticks, nano int64
	peak        int64
	ended, quit chan struct{}
}

func startMeter(root int) *meter {
	m := &meter{root: root, ended: make(chan struct{}), quit: make(chan struct{})}
	if !m.works() {
		return m
	}
	m.ticks, m.nano = cpu(root)
	go func() {
		defer close(m.ended)
		for {
			m.peak = max(m.peak, memory(root))
			select {
			case <-m.quit:
				return
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	return m
}

func (m *meter) works() bool { return m.root > 0 && runtime.GOOS == "linux" }

// stop answers microseconds of CPU since the start, and the most memory seen in MB.
func (m *meter) stop() (micros, megabytes float64) {
	if !m.works() {
		return -1, -1
	}
	ticks, nano := cpu(m.root)
	close(m.quit)
	<-m.ended
	m.peak = max(m.peak, memory(m.root))
	// hundredths of a second, but with threads that have ended
	coarse := float64(ticks-m.ticks) * 1e4
	fine := float64(nano-m.nano) / 1e3
	if fine < coarse*0.9-5e4 {
		return coarse, float64(m.peak) / 1e6
	}
	return fine, float64(m.peak) / 1e6
}

// fields of /proc/PID/stat from the state on: the name before them may hold spaces.
func fields(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

func number(list []string, at int) int64 {
	if at >= len(list) {
		return 0
	}
	value, _ := strconv.ParseInt(list[at], 10, 64)
	return value
}

func tree(root int) []int {
	children := map[int][]int{}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		parent := int(number(fields(pid), 1))
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for at := 0; at < len(all); at++ {
		all = append(all, children[all[at]]...)
	}
	return all
}

func cpu(root int) (ticks, nano int64) {
	for _, pid := range tree(root) {
		stat := fields(pid)
		for _, at := range []int{11, 12, 13, 14} { // utime, stime, and those of children that ended
			ticks += number(stat, at)
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			nano += number(strings.Fields(string(text)), 0)
		}
	}
	return ticks, nano
}

func memory(root int) (bytes int64) {
	for _, pid := range tree(root) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		bytes += number(strings.Fields(string(text)), 1) * int64(os.Getpagesize())
	}
	return bytes
}
