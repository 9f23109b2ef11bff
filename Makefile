# Every task is ./dev's; this only spares the dot and the slash: make test ARGS="-k phone"
TASKS = run demo test check bench faults outages rates soak instalacao format lock build help
.PHONY: $(TASKS)
$(TASKS):
	@./dev $@ $(ARGS)
.DEFAULT_GOAL = help
