#!/bin/sh
# Stands in for systemd, which cannot run here: runs the unit's own ExecStart, as its User, with its Environment, and
# like Type=notify it returns when the service is ready.
set -eu
unit=/etc/systemd/system/disparo.service
pid=/run/disparo.pid
words=" $* "

stop() {
    [ -f $pid ] || return 0
    kill "$(cat $pid)" 2>/dev/null || true
    while kill -0 "$(cat $pid)" 2>/dev/null; do sleep 0.1; done
    rm $pid
}

start() {
    setsid setpriv --reuid="$(sed -n 's/^User=//p' $unit)" --regid="$(sed -n 's/^Group=//p' $unit)" --init-groups \
        env -i PATH=/usr/bin:/bin "$(sed -n 's/^Environment=//p' $unit)" \
        sh -c "umask 0077; exec $(sed -n 's/^ExecStart=//p' $unit)" >>/var/log/disparo-unit.log 2>&1 &
    echo $! >$pid
    for _ in $(seq 3000); do
        grep -q "^Disparo no ar" /var/log/disparo-unit.log && return 0
        kill -0 "$(cat $pid)" || break
        sleep 0.1
    done
    cat /var/log/disparo-unit.log
    return 1
}

case "$words" in
*" stop "* | *" disable "*) stop ;;
*" restart "*) stop; : >/var/log/disparo-unit.log; start ;;
*" start "* | *" enable "*) : >/var/log/disparo-unit.log; start ;;
esac
