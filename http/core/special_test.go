package core

import (
	"testing"

	"weir/http"
)

func TestStatuses(t *testing.T) {
	for status := range 1000 {
		title, shown := pageTitle(status), shownStatus(status)
		switch {
		case status < 300 && title != "":
			t.Errorf("%d has a page", status)
		case title != "" && http.Reason(shown) == "" && status != 498: // has a page, as nginx's, and no words
			t.Errorf("%d is shown as %d, for which there are no words", status, shown)
		case pageDetail(status) != "" && shown != 400:
			t.Errorf("%d has a detail and is shown as %d", status, shown)
		}
	}
}
