/*
 * Whose turn it is: of several servers on one database one holds the CoAP ports, and with them the LwM2M server
 * (lwm2m.h), for as long as it holds the lease "coap". The others try for it, and take over when it ends: registrations
 * come from the store, commands wait there, DTLS devices shake hands again. On a store of one server there is no lease,
 * and the turn lasts as long as the process. docs/design/lwm2m.md section 10.
 *
 * INV-1  The holder answers nothing after 9/10 of the lease's time, counted from before it asked for it last, by a clock
 *        that runs on while the machine sleeps. The socket itself looks (udp.h), before each system call: a process that
 *        stood still falls silent, whatever its threads were about to do.
 * INV-2  Every transaction of the LwM2M server checks the lease's number first (hub.c), so what was begun in an earlier turn
 *        changes nothing; and no positive answer goes out before its commit.
 * INV-3  The ports are let go before the lease is: whoever is given it can bind.
 */
#ifndef UD_SERVER_LWM2M_TURN_H
#define UD_SERVER_LWM2M_TURN_H

#include "server/lwm2m/lwm2m.h"

struct ud_lwm2m_turn;

/**
 * Take the ports, if nobody else has them. *turn is NULL where no CoAP address is configured and nobody else can have one.
 * Errors of ud_lwm2m_open(), when it is our turn; else they come into the log at the take-over.
 */
ud_err ud_turn_open(struct ud_lwm2m_turn **turn, struct ud_server *server);
/** Begin to answer; keep the lease, or try for it. NULL is allowed, here and below. */
ud_err ud_turn_start(struct ud_lwm2m_turn *turn);
/** Let the ports go, and the lease. Before the writer ends. */
void ud_turn_stop(struct ud_lwm2m_turn *turn);
/** After the writer ended, and the sync. */
void ud_turn_close(struct ud_lwm2m_turn *turn);
/** Something changed for this device. From any thread. */
void ud_turn_poke(struct ud_lwm2m_turn *turn, int64_t device);
/** Is there a server that gives commands to devices, this one or another? UD_ERR_STATE: no. */
ud_err ud_turn_is_served(const struct ud_lwm2m_turn *turn, struct ud_store *store);
/** Members of listen.json, while the ports are ours. */
void ud_turn_listening(struct ud_lwm2m_turn *turn, struct ud_json *json);
/** The ports that are ours now, plain CoAP's and that of DTLS; 0: none. */
void ud_turn_ports(struct ud_lwm2m_turn *turn, uint16_t ports[2]);
/** Lines for GET /metrics. */
void ud_turn_metrics(struct ud_lwm2m_turn *turn, struct ud_text *text);
/** May who holds this capability read the release of that device? For the same URI over HTTP. UD_ERR_NOT_FOUND. */
ud_err ud_turn_capability(const struct ud_lwm2m_turn *turn, const char *text, int64_t *device,
                          int32_t *release);

#endif
