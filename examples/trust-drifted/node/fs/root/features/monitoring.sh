#!/bin/sh
# The number of the container is the argument.
pct exec "$1" -- apt-get install --yes prometheus-node-exporter
# changed
