#!/bin/sh
# Installs Docker in the guest whose number is $1.
exec qm guest exec "$1" --timeout 600 -- apt-get install --yes docker.io
