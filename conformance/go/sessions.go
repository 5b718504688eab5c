package main

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// What lasts longer than a call: nodes that go by themselves, connections that are lost, locks.
var sessionChecks = []check{
	{"containers and ttl", vanishing},
	{"a lost connection", lostConnection},
	{"locks", locks},
	{"protected nodes", protected},
	{"reconfig and four-letter words", administration},
}

const patience = 20 * time.Second

// next waits for one event of the type.
func next(events <-chan zk.Event, kind zk.EventType) error {
	select {
	case event := <-events:
		return want("event", event.Type, kind)
	case <-time.After(patience):
		return fmt.Errorf("no event %v", kind)
	}
}

func vanishing(address string) error {
	conn, path, err := open(address, "vanishing")
	if err != nil {
		return err
	}
	defer conn.Close()
	acl := zk.WorldACL(zk.PermAll)
	box, err1 := conn.CreateContainer(path+"/box", nil, zk.FlagContainer, acl)
	short, err2 := conn.CreateTTL(path+"/short", nil, zk.FlagTTL, acl, 300*time.Millisecond)
	long, err3 := conn.CreateTTL(path+"/long-", nil, zk.FlagPersistentSequentialWithTTL, acl, time.Hour)
	_, err4 := conn.Create(box+"/child", nil, 0, acl)
	_, _, expired, err5 := conn.ExistsW(short)
	_, _, emptied, err6 := conn.ExistsW(box)
	if err := first(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	if err := first(next(expired, zk.EventNodeDeleted), conn.Delete(box+"/child", 0)); err != nil {
		return err
	}
	if err := next(emptied, zk.EventNodeDeleted); err != nil {
		return err
	}
	there, _, err := conn.Exists(long)
	return first(err, want("the long one", there, true), want("its name", long, path+"/long-0000000002"))
}

// line dials for the client and can end the connection that it dialled.
type line struct {
	mutex sync.Mutex
	conn  net.Conn
}

func (l *line) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, timeout)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.conn = conn
	return conn, err
}

func (l *line) cut() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.conn.Close()
}

func lostConnection(address string) error {
	other, path, err := open(address, "lost")
	if err != nil {
		return err
	}
	defer other.Close()
	var line line
	conn, events, err := zk.Connect(
		[]string{address}, 10*time.Second, zk.WithLogInfo(false), zk.WithDialer(line.dial), zk.WithLogger(silent{}),
	)
	if err != nil {
		return err
	}
	defer conn.Close()
	state := func(wanted zk.State) error {
		for deadline := time.After(patience); ; {
			select {
			case event := <-events:
				if event.State == wanted {
					return nil
				}
			case <-deadline:
				return fmt.Errorf("never %v", wanted)
			}
		}
	}
	if err := state(zk.StateHasSession); err != nil {
		return err
	}
	session := conn.SessionID()
	kept, err1 := conn.Create(path+"/kept", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
	_, _, data, err2 := conn.GetW(path)
	_, _, children, err3 := conn.ChildrenW(path)
	_, _, later, err4 := conn.ExistsW(path + "/later")
	if err := first(err1, err2, err3, err4); err != nil {
		return err
	}
	line.cut()
	if err := state(zk.StateDisconnected); err != nil {
		return err
	}
	// The client is told of this whether it comes back before or after.
	if _, err := other.Set(path, []byte("changed"), -1); err != nil {
		return err
	}
	if err := first(state(zk.StateHasSession), next(data, zk.EventNodeDataChanged)); err != nil {
		return err
	}
	_, stat, err := other.Get(kept)
	if err := first(err, want("session", conn.SessionID(), session)); err != nil {
		return err
	}
	if err := want("owner", stat.EphemeralOwner, session); err != nil {
		return err
	}
	if _, err := other.Create(path+"/later", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		return err
	}
	return first(next(later, zk.EventNodeCreated), next(children, zk.EventNodeChildrenChanged))
}

type silent struct{}

func (silent) Printf(string, ...interface{}) {}

func locks(address string) error {
	conn, path, err := open(address, "locks")
	if err != nil {
		return err
	}
	defer conn.Close()
	const workers, rounds = 3, 5
	inside, most := 0, 0
	var mutex sync.Mutex
	count := func(step int) {
		mutex.Lock()
		defer mutex.Unlock()
		inside += step
		most = max(most, inside)
	}
	results := make(chan error, workers)
	for range workers {
		go func() {
			worker, err := connect(address)
			if err != nil {
				results <- err
				return
			}
			defer worker.Close()
			for range rounds {
				lock := zk.NewLock(worker, path, zk.WorldACL(zk.PermAll))
				if err := lock.Lock(); err != nil {
					results <- err
					return
				}
				count(1)
				count(-1)
				if err := lock.Unlock(); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range workers {
		if err := <-results; err != nil {
			return err
		}
	}
	_, stat, err := conn.Get(path)
	// Each turn makes a node and deletes it.
	return first(err, want("most inside", most, 1), want("turns", stat.Cversion, 2*workers*rounds))
}

func protected(address string) error {
	conn, path, err := open(address, "protected")
	if err != nil {
		return err
	}
	defer conn.Close()
	name, err := conn.CreateProtectedEphemeralSequential(path+"/p-", nil, zk.WorldACL(zk.PermAll))
	if err != nil {
		return err
	}
	children, _, err := conn.Children(path)
	return first(err, want("children", fmt.Sprint(children), fmt.Sprintf("[%s]", name[len(path)+1:])))
}

func administration(address string) error {
	conn, _, err := open(address, "administration")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Reconfig([]string{"server.1=127.0.0.1:1:2;3"}, -1)
	if err := refused("reconfig", err, zk.ErrReconfigDisabled); err != nil {
		return err
	}
	// Its srvr and cons do not read what a 3.9 server of Apache writes.
	ok := zk.FLWRuok([]string{address}, 5*time.Second)
	return want("ruok", fmt.Sprint(ok), "[true]")
}
