"""holdfast from Python, through libholdfast.so and nothing else: push records in, see them settled.

push.py LIBRARY COUNT
"""
import ctypes
import sys
import threading

lib = ctypes.CDLL(sys.argv[1])
count = int(sys.argv[2])


class Record(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("payload", ctypes.c_char_p),
                ("payload_size", ctypes.c_size_t), ("key", ctypes.c_char_p),
                ("key_size", ctypes.c_size_t), ("headers", ctypes.c_void_p),
                ("headers_count", ctypes.c_size_t), ("timestamp_ms", ctypes.c_int64),
                ("format", ctypes.c_int32), ("has_position", ctypes.c_int32),
                ("position", ctypes.c_int64), ("sinks", ctypes.c_uint64),
                ("partition", ctypes.c_uint32), ("source", ctypes.c_uint32)]


Write = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
Settled = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)


# As far as this program knows the struct: what stands behind is the default.
class Sink(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("user", ctypes.c_void_p), ("write", Write)]


class Report(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("complete", ctypes.c_int32), ("halt", ctypes.c_int32),
                ("records", ctypes.c_uint64), ("delivered", ctypes.c_uint64),
                ("dead_letters", ctypes.c_uint64), ("left", ctypes.c_uint64)]


for name, result in [("holdfast_new", ctypes.c_void_p), ("holdfast_add_inlet", ctypes.c_void_p),
                     ("holdfast_problem", ctypes.c_char_p), ("holdfast_halt_name", ctypes.c_char_p),
                     ("holdfast_records_count", ctypes.c_size_t)]:
    getattr(lib, name).restype = result

got = []
settled_count = 0


@Write
def write(user, records, answer):
    for i in range(lib.holdfast_records_count(ctypes.c_void_p(records))):
        record = Record(size=ctypes.sizeof(Record))
        lib.holdfast_records_get(ctypes.c_void_p(records), ctypes.c_size_t(i), ctypes.byref(record))
        got.append(ctypes.string_at(record.payload, record.payload_size))
    return 0


@Settled
def settled(user, is_settled):
    global settled_count
    settled_count += is_settled


pipeline = ctypes.c_void_p(lib.holdfast_new(lib.holdfast_api_version(), None))
inlet = ctypes.c_void_p(lib.holdfast_add_inlet(pipeline, b"requests", ctypes.c_uint64(0), 0))
sink = Sink(size=ctypes.sizeof(Sink), write=write)
if lib.holdfast_add_sink(pipeline, b"python", ctypes.byref(sink)) != 0:
    sys.exit(lib.holdfast_problem(pipeline).decode())
report = Report(size=ctypes.sizeof(Report))
thread = threading.Thread(target=lambda: lib.holdfast_run(pipeline, ctypes.byref(report)))
thread.start()
for n in range(count):
    text = b"%d" % n
    record = Record(size=ctypes.sizeof(Record), payload=text, payload_size=len(text))
    while lib.holdfast_push(inlet, ctypes.byref(record), settled, None) == 2:  # HOLDFAST_FULL
        pass
lib.holdfast_inlet_close(inlet)
thread.join()
lib.holdfast_inlet_free(inlet)
lib.holdfast_free(pipeline)
right = got == [b"%d" % n for n in range(count)] and settled_count == count
print(f"{lib.holdfast_halt_name(report.halt).decode()}: {settled_count} settled, {len(got)} delivered")
sys.exit(0 if right and report.complete else 1)
