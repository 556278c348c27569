package actions_test

import (
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

func realClock() dr.Clock { return actionstest.Clock() }
