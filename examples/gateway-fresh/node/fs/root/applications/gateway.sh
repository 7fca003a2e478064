#!/bin/sh
# The container's number is the first argument.
pct exec "$1" -- touch /var/lib/gateway-is-ready
