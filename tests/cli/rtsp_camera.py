#!/usr/bin/python3
"""A camera for the tests: GStreamer's RTSP server with a ball that moves, 64x48 at 25 frames a second.

    rtsp_camera.py FRAMES SERVED

serves rtsp://127.0.0.1:PORT/camera, PORT being in the line "ready PORT" that it prints; FRAMES a connection, 0: without
end. When the second connection (of FRAMES 0: the first) has had a second of time, the file SERVED appears.
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

frames, served = int(sys.argv[1]), sys.argv[2]
seen = 0


def mark():
    open(served, "w").close()
    return False


def on_media(factory, media):
    global seen
    seen += 1
    if seen == (2 if frames else 1):
        GLib.timeout_add(1000, mark)


Gst.init(None)
server = GstRtspServer.RTSPServer(service="0", address="127.0.0.1")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=I420,width=64,height=48,"
    "framerate=25/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26 )" % (frames or -1)
)
factory.connect("media-configure", on_media)
server.get_mount_points().add_factory("/camera", factory)
if not server.attach(None):
    sys.exit("no port is free")
print("ready", server.get_bound_port(), flush=True)
GLib.MainLoop().run()
