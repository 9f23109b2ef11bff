"""The verbs: what is done with dispatches and their messages, from the accepted call to the last receipt.

A message's way: **accept** stores it, a worker **claims** its chunk, takes a last look at it and
**prepares** its text, gives it to a **lane**, which commits its **start** and has the platform **write**
it; the **recorder** writes the outcome down, and **receipts** move it from then on. The rules are in
docs/delivery.md.

Accept a call
    calls          what a call asks, who asks, and what it is told
    accept         decides and stores a batch of calls in one transaction
    group_commit   lets calls that arrive together share that transaction
    slots          lets the messages of many calls share chunks
    store_once     stores what else is asked for, though the answer to its COMMIT is lost
    preview        what an invoice's SMS would say
Bulk runs
    bulk           stores a run
    bulk_queue     carves slices from a run and stores their messages
    bulk_work      a worker's share of both: queuing slices, taking chunks
    bulk_control   pauses, resumes and cancels a run
    bulk_simulate  what a run would come to, without storing anything
    bulk_estimate  the segments, cost and time of that, by platform
    bulk_caps      whom the frequency caps would leave out of it
Claim and prepare
    worker         one worker process and all that runs in it
    handover       claims a chunk, looks at each message, gives the good ones to lanes
    choice         by which lane a message goes, with which text
    claims         what a worker holds: claims, and messages that are prepared
    rules          the last look: may this message go now, and with which text
    freshness      asks a live source again for data that is old
    breathing      goes through many rows and keeps nobody waiting
    frequency      leaves out what would be one too many for its phone
    calendar       the holidays that sending heeds
    patience       how long messages wait for which no platform has room
    hours          looks again at what waits for hours that a platform has no more
    give_back      puts claimed messages that cannot go now back
Start and write
    fleet          a worker's lanes, exchanged when the settings change
    lane           the way out to one platform: starts what waits, as much as its limits allow
    places         a lane's window: what is free of it, and when that is enough
    writes         has started messages written, hands outcomes on
    send           calls a platform, and has an outcome for each message whatever it does
    line           the prepared messages that wait in one lane
    starts         commits starts by themselves
    gate           a platform's limits, as shared by all workers
    rate_parts     how much of a platform's limits a message uses up
    write_timer    lets started messages go at the moments that were granted
    breaker        stops a platform that fails
    seats          tells who has a connection to a platform, where an account allows few
    watch          shares between workers what is known of each platform
Record, and what comes later
    recorder       writes outcomes down in batches, and starts what takes their places
    anteroom       keeps a receipt that came before its outcome for a moment
    intake         takes what platforms tell us, in batches
    receipts       moves messages by receipts
    polling        asks platforms for receipts, credit and health
    reconcile      settles uncertain messages and releases held ones
    cancel         withdraws what has not been started
Keep the house
    prepare        makes a database ready for this version
    from_settings  builds rules and plans from the settings
    warm_up        loads what is slow to load, once
    rounds         what comes again and again, each part in its turn
    pace           how far apart batches begin
    heartbeats     which workers beat, for health and figures
    takeover       frees what a dead worker held
    presence       a worker among the others: it beats, and takes over the dead
    sweep          wakes what no event woke, folds counts
    prune          deletes what has been kept long enough
    figures        counts for /metrics, and lines of the log
    alarms         finds what people must be told of, and tells them
    own_health     what ails the worker itself and only a new start mends
    own_signs      trouble that only the process itself can see
"""
