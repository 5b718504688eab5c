package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-zookeeper/zk"
)

var zookeeperChecks = []check{
	{"znodes and versions", znodes},
	{"flags and session end", flags},
	{"watches", watches},
	{"multi", multi},
	{"digest acl", digestACL},
}

func connect(address string) (*zk.Conn, error) {
	conn, events, err := zk.Connect([]string{address}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		return nil, err
	}
	deadline := time.After(10 * time.Second)
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				return conn, nil
			}
		case <-deadline:
			conn.Close()
			return nil, errors.New("no session within 10 s")
		}
	}
}

func open(address, name string) (*zk.Conn, string, error) {
	conn, err := connect(address)
	if err != nil {
		return nil, "", err
	}
	path, err := conn.Create("/go-"+name+"-"+run, []byte("data"), 0, zk.WorldACL(zk.PermAll))
	return conn, path, err
}

func refused(what string, err, expected error) error {
	if !errors.Is(err, expected) {
		return fmt.Errorf("%s: got error %v, want %v", what, err, expected)
	}
	return nil
}

func znodes(address string) error {
	conn, path, err := open(address, "znodes")
	if err != nil {
		return err
	}
	defer conn.Close()
	data, stat, err := conn.Get(path)
	if err := first(err, want("data", string(data), "data"), want("version", stat.Version, 0)); err != nil {
		return err
	}
	stat, err = conn.Set(path, []byte("changed"), 0)
	if err := first(err, want("version", stat.Version, 1), want("length", stat.DataLength, 7)); err != nil {
		return err
	}
	_, stale := conn.Set(path, nil, 0)
	_, twice := conn.Create(path, nil, 0, zk.WorldACL(zk.PermAll))
	_, _, absent := conn.Get(path + "/absent")
	if _, err := conn.Create(path+"/child", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		return err
	}
	children, stat, err := conn.Children(path)
	if err != nil || len(children) != 1 || children[0] != "child" || stat.NumChildren != 1 {
		return fmt.Errorf("children: %v %v %v", children, stat, err)
	}
	synced, err := conn.Sync(path)
	return first(
		err, want("sync", synced, path),
		refused("set of an old version", stale, zk.ErrBadVersion),
		refused("second create", twice, zk.ErrNodeExists),
		refused("get of nothing", absent, zk.ErrNoNode),
		refused("delete with a child", conn.Delete(path, -1), zk.ErrNotEmpty),
		conn.Delete(path+"/child", 0),
		conn.Delete(path, 1),
	)
}

func flags(address string) error {
	conn, path, err := open(address, "flags")
	if err != nil {
		return err
	}
	defer conn.Close()
	other, err := connect(address)
	if err != nil {
		return err
	}
	acl := zk.WorldACL(zk.PermAll)
	one, err1 := other.Create(path+"/n-", nil, zk.FlagEphemeral|zk.FlagSequence, acl)
	two, err2 := other.Create(path+"/n-", nil, zk.FlagSequence, acl)
	three, err3 := other.Create(path+"/e", nil, zk.FlagEphemeral, acl)
	if err := first(err1, err2, err3, want("one", one, path+"/n-0000000000"), want("two", two, path+"/n-0000000001")); err != nil {
		return err
	}
	there, stat, gone, err := conn.ExistsW(three)
	if err := first(err, want("ephemeral", there, true), want("owner", stat.EphemeralOwner, other.SessionID())); err != nil {
		return err
	}
	other.Close()
	select {
	case event := <-gone:
		if err := want("event", event.Type, zk.EventNodeDeleted); err != nil {
			return err
		}
	case <-time.After(10 * time.Second):
		return errors.New("the ephemeral outlived its session")
	}
	left, _, err := conn.Children(path)
	return first(err, want("children left", fmt.Sprint(left), "[n-0000000001]"))
}

func watches(address string) error {
	conn, path, err := open(address, "watches")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _, data, err1 := conn.GetW(path)
	_, _, children, err2 := conn.ChildrenW(path)
	_, _, created, err3 := conn.ExistsW(path + "/later")
	_, err4 := conn.Set(path, []byte("x"), -1)
	_, err5 := conn.Create(path+"/later", nil, 0, zk.WorldACL(zk.PermAll))
	if err := first(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	expected := map[<-chan zk.Event]zk.EventType{
		data: zk.EventNodeDataChanged, children: zk.EventNodeChildrenChanged, created: zk.EventNodeCreated,
	}
	for events, kind := range expected {
		select {
		case event := <-events:
			if err := want("event", event.Type, kind); err != nil {
				return err
			}
		case <-time.After(10 * time.Second):
			return fmt.Errorf("no event %v", kind)
		}
	}
	return nil
}

func multi(address string) error {
	conn, path, err := open(address, "multi")
	if err != nil {
		return err
	}
	defer conn.Close()
	acl := zk.WorldACL(zk.PermAll)
	results, err := conn.Multi(
		&zk.CheckVersionRequest{Path: path, Version: 0},
		&zk.CreateRequest{Path: path + "/a", Acl: acl},
		&zk.SetDataRequest{Path: path + "/a", Data: []byte("x"), Version: 0},
		&zk.DeleteRequest{Path: path + "/a", Version: 1},
		&zk.CreateRequest{Path: path + "/b", Acl: acl},
	)
	if err := first(err, want("results", len(results), 5)); err != nil {
		return err
	}
	_, err = conn.Multi(
		&zk.DeleteRequest{Path: path + "/b", Version: -1},
		&zk.CheckVersionRequest{Path: path, Version: 9},
	)
	if err := refused("multi with a wrong version", err, zk.ErrBadVersion); err != nil {
		return err
	}
	there, _, err := conn.Exists(path + "/b")
	return first(err, want("the deletion was rolled back", there, true))
}

func digestACL(address string) error {
	conn, path, err := open(address, "acl")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.AddAuth("digest", []byte("user:password")); err != nil {
		return err
	}
	if _, err := conn.SetACL(path, zk.DigestACL(zk.PermAll, "user", "password"), 0); err != nil {
		return err
	}
	stranger, err := connect(address)
	if err != nil {
		return err
	}
	defer stranger.Close()
	_, _, hidden := stranger.Get(path)
	_, err = conn.Set(path, []byte("mine"), -1)
	acl, _, err2 := conn.GetACL(path)
	return first(
		refused("a stranger's read", hidden, zk.ErrNoAuth), err, err2,
		want("entries", len(acl), 1), want("scheme", acl[0].Scheme, "digest"),
	)
}
