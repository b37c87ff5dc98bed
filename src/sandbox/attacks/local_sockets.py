# Unix sockets: abstract names are outside of the file system, other names are in it.
import socket

for address in ["\0" + traps["abstract_socket"], traps["socket_file"], "/run/dbus/system_bus_socket", "/var/run/docker.sock"]:
    for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET]:
        attempt(repr(address), lambda: socket.socket(socket.AF_UNIX, kind).connect(address))
