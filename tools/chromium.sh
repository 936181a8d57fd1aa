#!/bin/sh
# Chromium from the distribution. Without it tests of pages are skipped, and say so.
set -u

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "There is no Chromium, and it cannot be installed from here: as root, apt-get install chromium"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update --quiet --quiet &&
    apt-get install --quiet --quiet --yes --no-install-recommends chromium fonts-dejavu-core; } \
    >/dev/null || echo "Chromium could not be installed: tests of pages are skipped"
