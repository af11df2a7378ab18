package main

import (
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// A demoStore is the database that the back ends share: how many requests each has answered.
type demoStore struct{ db *bbolt.DB }

// The keys: the bucket, and in it the port of each back end.
const hitsBucket = "hits"

func openStore(path string) (*demoStore, error) {
	// it lives no longer than the demo, so nothing has to be safe on disk
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(hitsBucket))
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &demoStore{db}, nil
}

// hit counts one request of a server, and returns the counts of all after it, with their sum.
func (s *demoStore) hit(server string) (counts map[string]uint64, total uint64, err error) {
	counts = map[string]uint64{}
	err = s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(hitsBucket))
		n := number(b.Get([]byte(server))) + 1
		if err := b.Put([]byte(server), binary.BigEndian.AppendUint64(nil, n)); err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			counts[string(k)] = number(v)
			total += number(v)
			return nil
		})
	})
	return counts, total, err
}

func number(v []byte) uint64 {
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func (s *demoStore) close() { _ = s.db.Close() }
