package source

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Published is a file of a data set as it is published.
type Published struct {
	Name string
	URLs []string // mirrors, in the order to try
	Size int64    // bytes
	MD5  string   // as its publisher gives it
}

// QM9 are the files of QM9 on figshare (collection 978904) that its preparation
// needs: the molecules, and the list of those that fail the consistency check.
var QM9 = []Published{
	{"dsgdb9nsd.xyz.tar.bz2", []string{"https://ndownloader.figshare.com/files/3195389",
		"https://springernature.figshare.com/ndownloader/files/3195389"},
		86_144_227, "ad1ebd51ee7f5b3a6e32e974e5d54012"},
	{"uncharacterized.txt", []string{"https://ndownloader.figshare.com/files/3195404",
		"https://springernature.figshare.com/ndownloader/files/3195404"},
		486_752, "a361887bacb427b8a0ce7903d92a53b4"},
}

// Downloader fetches published files.
type Downloader struct {
	Client   *http.Client
	Attempts int           // of each mirror in a row without progress
	Wait     time.Duration // before another attempt, doubled each time
	Note     func(text string)
	Progress func(got, size int64)
}

// partial is what a file is called until it is whole.
const partial = ".part"

// Fetch puts a file into a folder, where it appears under its name when it is
// whole and its checksum is right. What an earlier call has got is not fetched
// again. It tries the mirrors in turn; the error has what each said.
func (d Downloader) Fetch(ctx context.Context, p Published, dir string) (path string, err error) {
	path = filepath.Join(dir, p.Name)
	if sum, size, err := md5File(path); err == nil {
		if sum == p.MD5 && size == p.Size {
			return path, nil
		}
		return "", fmt.Errorf("%s: is there, but is another file: %d bytes, MD5 %s; want %d, %s", path,
			size, sum, p.Size, p.MD5)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	var errs []error
	for _, url := range p.URLs {
		err := d.mirror(ctx, p, url, path+partial)
		if err == nil {
			return path, os.Rename(path+partial, path)
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s: %w", url, err))
		d.note(errs[len(errs)-1].Error())
	}
	return "", fmt.Errorf("%s: %w", p.Name, errors.Join(errs...))
}

func (d Downloader) note(text string) {
	if d.Note != nil {
		d.Note(text)
	}
}

// mirror fetches from one place, going on where a connection broke.
func (d Downloader) mirror(ctx context.Context, p Published, url, path string) error {
	wait := d.Wait
	for failures := 0; ; {
		before := sizeOf(path)
		err := d.attempt(ctx, p, url, path)
		if err == nil {
			return checksum(p, path)
		}
		var refused *refusal
		if ctx.Err() != nil || errors.As(err, &refused) {
			return err
		}
		if sizeOf(path) > before {
			failures, wait = 0, d.Wait
			continue
		}
		if failures++; failures >= max(1, d.Attempts) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// checksum accepts what has been fetched, or throws it away.
func checksum(p Published, path string) error {
	sum, size, err := md5File(path)
	if err != nil {
		return err
	}
	if sum != p.MD5 || size != p.Size {
		os.Remove(path)
		return &refusal{fmt.Sprintf("%d bytes, MD5 %s; want %d, %s", size, sum, p.Size, p.MD5)}
	}
	return nil
}

// refusal is an answer that another attempt will not change.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// attempt fetches what is missing of a file.
func (d Downloader) attempt(ctx context.Context, p Published, url, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return &refusal{err.Error()}
	}
	defer f.Close()
	got, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if got == p.Size {
		return nil
	}
	if got > p.Size {
		got = 0
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return &refusal{err.Error()}
	}
	if got > 0 {
		request.Header.Set("Range", "bytes="+strconv.FormatInt(got, 10)+"-")
	}
	response, err := d.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK: // the whole file, whatever was asked for
		got = 0
	case http.StatusPartialContent:
		if want := "bytes " + strconv.FormatInt(got, 10) +
			"-"; len(response.Header.Get("Content-Range")) < len(want) ||
			response.Header.Get("Content-Range")[:len(want)] != want {
			got = 0
			return errors.Join(f.Truncate(0), fmt.Errorf("answers with the range %q",
				response.Header.Get("Content-Range")))
		}
	default:
		if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
			return errors.New(response.Status)
		}
		return &refusal{response.Status}
	}
	if err := f.Truncate(got); err != nil {
		return err
	}
	if _, err := f.Seek(got, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(&progressReader{response.Body, got, p.Size, d.Progress},
		p.Size-got+1))
	if err == nil && got+n < p.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

type progressReader struct {
	r         io.Reader
	got, size int64
	progress  func(got, size int64)
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.got += int64(n); p.progress != nil {
		p.progress(p.got, p.size)
	}
	return n, err
}

func md5File(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := md5.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
