"""uWebSockets, the C++ library as the package `socketify` ships it: its own loop, its own publish and subscribe. Python is
called for a connection's beginning and for each burst, and takes no part in a delivery.

socketify's own loop asks again and again whether something happened, and its timers leave their memory linked into the
loop when they end; so the library's loop is run as it is meant to be, with one timer of libuv's that is set anew.
"""

import os
import select
import sys

from cffi import FFI
from pace import Pace
from socketify.native import ffi, lib

TOPIC = b"prices"
# Where the load's word is awaited, this often.
ASK_MS = 50

uv_ffi = FFI()
uv_ffi.cdef(
    """
    typedef void (*uv_timer_cb)(void *timer);
    int uv_timer_start(void *timer, uv_timer_cb call, uint64_t timeout_ms, uint64_t repeat_ms);
    """
)
uv = uv_ffi.dlopen("libuv.so.1")

template = sys.argv[1]
pace = None


@ffi.callback("void(uws_websocket_t *, void *)")
def on_open(socket, _):
    lib.uws_ws_subscribe(0, socket, TOPIC, len(TOPIC))


@ffi.callback("void(uws_websocket_t *, const char *, size_t, uws_opcode_t, void *)")
def on_message(_socket, _message, _length, _opcode, _):
    pass


@ffi.callback("void(uws_websocket_t *, int, const char *, size_t, void *)")
def on_close(_socket, _code, _message, _length, _):
    pass


@ffi.callback("void(struct us_listen_socket_t *, uws_app_listen_config_t, void *)")
def on_listen(listening, _config, _):
    print(f"open 127.0.0.1:{lib.us_socket_local_port(0, listening)}", flush=True)


@uv_ffi.callback("uv_timer_cb")
def on_timer(timer):
    global pace
    if pace is None and select.select([sys.stdin], [], [], 0)[0]:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        pace = Pace(line, template)
    wait_ms = ASK_MS
    if pace is not None:
        while messages := pace.take_due():
            for message in messages:
                message = message.encode()
                lib.uws_publish(0, app, TOPIC, len(TOPIC), message, len(message), lib.TEXT, False)
        wait_ms = max(0, -(-pace.wait_ns() // 1_000_000))
        if pace.is_over():
            pace, wait_ms = None, ASK_MS
    uv.uv_timer_start(timer, on_timer, wait_ms, 0)


@ffi.callback("void(void *)")
def on_first_timer(_):
    on_timer(uv_ffi.cast("void *", int(ffi.cast("uintptr_t", first.uv_timer_ptr))))


loop = lib.socketify_create_loop()
lib.uws_get_loop_with_native(lib.socketify_get_native_loop(loop))
app = lib.uws_create_app(0, ffi.new("struct us_socket_context_options_t *")[0])
behavior = ffi.new("uws_socket_behavior_t *")
behavior.compression = lib.DISABLED
behavior.maxPayloadLength = 16 * 1024
behavior.idleTimeout = 120
# As its documents have it: 64 KiB.
behavior.maxBackpressure = 64 * 1024
behavior.sendPingsAutomatically = True
behavior.open = on_open
behavior.message = on_message
behavior.close = on_close
lib.uws_ws(0, app, b"/ws/signals", behavior[0], ffi.NULL)
config = ffi.new("uws_app_listen_config_t *")
host = ffi.new("char[]", b"127.0.0.1")
config.port, config.host = 0, host
lib.uws_app_listen_with_config(0, app, config[0], on_listen, ffi.NULL)
first = lib.socketify_create_timer(loop, 1, 0, on_first_timer, ffi.NULL)
lib.socketify_loop_run(loop, lib.SOCKETIFY_RUN_DEFAULT)
