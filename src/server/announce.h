/*
 * The addresses that devices come to, announced in the local network by DNS-SD where `announce` names the server: the devices'
 * listener as _updraft._tcp, the CoAP ports, while they are ours, as _lwm2m._udp. Through the machine's Avahi daemon
 * (ports/avahi); without one the log says so once, and nothing else changes. Loopback addresses are not announced.
 */
#ifndef UD_SERVER_ANNOUNCE_H
#define UD_SERVER_ANNOUNCE_H

#include "ports/avahi/announce.h"

struct ud_server;

#define UD_ANNOUNCE_BYTES_MAX 56 /* of the name: the longest suffix fits behind it */

/** *announcer is NULL where nothing is to be announced, or nobody can. UD_ERR_MEMORY */
ud_err ud_announce_open(struct ud_announcer **announcer, const struct ud_server *server);
/** What is listened at now, in place of what was. Whenever that changes. */
void ud_announce_listening(const struct ud_server *server);

#endif
