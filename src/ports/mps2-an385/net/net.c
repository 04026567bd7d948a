#include "ports/mps2-an385/net/net.h"

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>

#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/net/lan9118.h"
#include "ports/mps2-an385/semihost.h"

#define COUNTS_PER_MS 20000U /* of UD_MPS2_FPGAIO_COUNTER */
#define TIMER_BASE 0x40000000U
#define TIMER_INTERRUPT 8U
#define SLEEP_MS_MAX 1000U
#define HOST_TEXT_BYTES 16

struct queued {
    uint16_t len;
    uint8_t bytes[UD_NET_DATAGRAM_BYTES];
};

static struct netif netif;
static struct udp_pcb *pcb;
static struct queued queue[UD_NET_QUEUE];
static uint32_t queue_in;
static uint32_t queue_out;
static uint32_t frame[UD_LAN_FRAME_BYTES_MAX / 4];
static uint32_t last_count;
static uint64_t counts;

/* ---- time and chance ---- */

uint64_t ud_net_now_ms(void)
{
    const uint32_t now = *(volatile uint32_t *)(uintptr_t)UD_MPS2_FPGAIO_COUNTER;
    counts += now - last_count; /* it runs round every 214 s */
    last_count = now;
    return counts / COUNTS_PER_MS;
}

u32_t sys_now(void)
{
    return (u32_t)ud_net_now_ms();
}

uint32_t ud_net_random(void)
{
    uint32_t number = 0;
    ud_semihost_random((uint8_t *)&number, sizeof number);
    return number;
}

static void timer(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)(TIMER_BASE + offset) = value;
}

void ud_net_sleep(uint32_t wait_ms)
{
    const uint32_t ms = wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX;
    if (ms == 0) {
        return;
    }
    timer(0x00, 0);
    timer(0x04, ms * UD_MPS2_TICKS_PER_MS);
    timer(0x08, ms * UD_MPS2_TICKS_PER_MS);
    timer(0x0c, 1); /* an interrupt that was pending is over */
    ud_cortexm_wake_done(TIMER_INTERRUPT);
    timer(0x00, 9); /* runs, with its interrupt */
    if (ud_lan_wake()) {
        ud_cortexm_sleep();
    }
    timer(0x00, 0);
}

/* ---- frames ---- */

static err_t transmit(struct netif *from, struct pbuf *packet)
{
    static uint32_t out[UD_LAN_FRAME_BYTES_MAX / 4];
    (void)from;
    if (packet->tot_len > sizeof out) {
        return ERR_BUF;
    }
    (void)pbuf_copy_partial(packet, out, packet->tot_len, 0);
    ud_lan_send(out, packet->tot_len);
    return ERR_OK;
}

static err_t set_up(struct netif *to)
{
    to->name[0] = 'e';
    to->name[1] = 'n';
    to->output = etharp_output;
    to->linkoutput = transmit;
    to->mtu = 1500;
    to->hwaddr_len = UD_LAN_MAC_BYTES;
    to->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ud_lan_open(to->hwaddr) ? ERR_OK : ERR_IF;
}

ud_err ud_net_open(void)
{
    last_count = *(volatile uint32_t *)(uintptr_t)UD_MPS2_FPGAIO_COUNTER;
    lwip_init();
    ud_cortexm_wake_by(TIMER_INTERRUPT);
    if (netif_add(&netif, NULL, NULL, NULL, NULL, set_up, netif_input) == NULL) {
        return UD_ERR_CONNECT;
    }
    netif_set_default(&netif);
    netif_set_up(&netif);
    return dhcp_start(&netif) == ERR_OK ? UD_OK : UD_ERR_CONNECT;
}

void ud_net_poll(void)
{
    for (uint32_t len = ud_lan_receive(frame); len > 0; len = ud_lan_receive(frame)) {
        struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
        if (packet == NULL) {
            return; /* dropped, as a full network drops it */
        }
        (void)pbuf_take(packet, frame, (u16_t)len);
        if (netif.input(packet, &netif) != ERR_OK) {
            (void)pbuf_free(packet);
        }
    }
    sys_check_timeouts();
}

bool ud_net_has_address(void)
{
    return dhcp_supplied_address(&netif) != 0;
}

const char *ud_net_address(void)
{
    return ud_net_has_address() ? ip4addr_ntoa(netif_ip4_addr(&netif)) : "";
}

/* ---- datagrams ---- */

static void take(void *ctx, struct udp_pcb *from, struct pbuf *packet, const ip_addr_t *address, u16_t port)
{
    (void)ctx;
    (void)from;
    (void)address; /* connected: from nobody else */
    (void)port;
    if (queue_in - queue_out < UD_NET_QUEUE && packet->tot_len <= UD_NET_DATAGRAM_BYTES) {
        struct queued *slot = &queue[queue_in++ % UD_NET_QUEUE];
        slot->len = pbuf_copy_partial(packet, slot->bytes, packet->tot_len, 0);
    }
    (void)pbuf_free(packet);
}

void ud_net_disconnect(void)
{
    if (pcb != NULL) {
        udp_remove(pcb);
        pcb = NULL;
    }
    queue_out = queue_in;
}

ud_err ud_net_connect(struct ud_bytes host, uint16_t port)
{
    char text[HOST_TEXT_BYTES];
    ip_addr_t address;
    ud_net_disconnect();
    if (host.len >= sizeof text) {
        return UD_ERR_URI;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (ip4addr_aton(text, &address) == 0) {
        return UD_ERR_URI;
    }
    if (!ud_net_has_address()) {
        return UD_ERR_CONNECT;
    }
    pcb = udp_new();
    if (pcb == NULL) {
        return UD_ERR_MEMORY;
    }
    udp_recv(pcb, take, NULL);
    /* another port after each reset: the peer must not take us for who we were */
    pcb->local_port = (u16_t)(0xc000U | (ud_net_random() & 0x3fffU));
    if (udp_bind(pcb, IP_ADDR_ANY, pcb->local_port) != ERR_OK || udp_connect(pcb, &address, port) != ERR_OK) {
        ud_net_disconnect();
        return UD_ERR_CONNECT;
    }
    return UD_OK;
}

ud_err ud_net_send(struct ud_bytes datagram)
{
    if (pcb == NULL || datagram.len > UD_NET_DATAGRAM_BYTES) {
        return UD_ERR_CONNECT;
    }
    struct pbuf *packet = pbuf_alloc(PBUF_TRANSPORT, (u16_t)datagram.len, PBUF_RAM);
    if (packet != NULL) {
        (void)pbuf_take(packet, datagram.ptr, (u16_t)datagram.len);
        (void)udp_send(pcb, packet);
        (void)pbuf_free(packet);
    }
    return UD_OK; /* what was lost here is repeated like what is lost on the way */
}

ud_err ud_net_receive(struct ud_buf *datagram)
{
    ud_net_poll();
    if (queue_in == queue_out) {
        return UD_WAIT;
    }
    const struct queued *slot = &queue[queue_out++ % UD_NET_QUEUE];
    datagram->len = slot->len < datagram->cap ? slot->len : datagram->cap;
    memcpy(datagram->ptr, slot->bytes, datagram->len);
    return UD_OK;
}
