"""Runs OpenStack's Swift on one port: openstack.py PORT FOLDER.

Four processes of one machine: the proxy with tempauth on PORT, and an account,
a container and an object server on ports that the system gives. Objects lie in
FOLDER, whose file system must have extended attributes, and stay for the next
start. All ends with the standard input.
"""
import ctypes
import os
import pwd
import signal
import socket
import sys
import time

from swift.common.ring import RingBuilder
from swift.common.wsgi import run_wsgi

KINDS = ("account", "container", "object")

COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}
mount_check = false
user = {user}
log_level = ERROR
fallocate_reserve = 0
disable_fallocate = true
"""

# The times are long, because the machine of a test is busy.
PROXY = """[pipeline:main]
pipeline = catch_errors cache listing_formats bulk tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 30
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 100000
[filter:cache]
paste.filter_factory = memory:factory
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
user_other_tester = others .admin
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""

BACKEND = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
conn_timeout = 30
node_timeout = 60
"""

# A page of a listing is short enough for tests of more than one page.
LIMITS = "[swift-constraints]\ncontainer_listing_limit = 1000\n"

# tempauth keeps its tokens in memcached. The one proxy has a table instead.
MEMORY = """
class Memory:
    def __init__(self):
        self.table = {}

    def set(self, key, value, **_):
        self.table[key] = value

    def get(self, key, **_):
        return self.table.get(key)

    def incr(self, key, delta=1, **_):
        self.table[key] = self.table.get(key, 0) + delta
        return self.table[key]

    def decr(self, key, delta=1, **_):
        return self.incr(key, -delta)

    def delete(self, key, **_):
        self.table.pop(key, None)


def factory(*_, **__):
    memory = Memory()

    def make(app):
        def call(environ, start_response):
            environ["swift.cache"] = memory
            return app(environ, start_response)
        return call
    return make
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    os.makedirs(os.path.join(folder, "disk"), exist_ok=True)
    user = pwd.getpwuid(os.getuid()).pw_name
    write(os.path.join(folder, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = one\ndefault = yes\n" + LIMITS)
    write(os.path.join(folder, "memory.py"), MEMORY)
    sys.path.insert(0, folder)
    from swift.common import utils
    utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
    ports = {kind: free_port() for kind in KINDS}
    for kind in KINDS:
        ring = RingBuilder(1, 1, 0)
        ring.add_dev({"id": 0, "zone": 0, "region": 0, "weight": 1, "ip": "127.0.0.1", "port": ports[kind], "device": "disk"})
        ring.rebalance()
        ring.get_ring().save(os.path.join(folder, kind + ".ring.gz"))
    children = []
    for kind in KINDS + ("proxy",):
        conf = os.path.join(folder, kind + ".conf")
        text = COMMON.format(port=ports.get(kind, port), folder=folder, user=user)
        write(conf, text + (PROXY if kind == "proxy" else BACKEND.format(kind=kind)))
        pid = os.fork()
        if pid == 0:
            os.fsync = os.fdatasync = lambda _: None  # nothing here outlives the test
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # ends with its parent
            sys.exit(run_wsgi(conf, kind + "-server", default_port=0, verbose=True))
        children.append(pid)

    def wait_for(port):
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)

    for p in list(ports.values()) + [port]:
        wait_for(p)
    print("Swift is ready", flush=True)
    sys.stdin.read()
    for pid in children:
        os.kill(pid, signal.SIGKILL)


main()
