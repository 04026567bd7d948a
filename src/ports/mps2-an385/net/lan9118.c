#include "ports/mps2-an385/net/lan9118.h"

#include "ports/cortexm/cortexm.h"

/* SMSC LAN9118, data sheet 1.5; at this address and interrupt by application note AN385. */
#define BASE 0x40200000U
#define INTERRUPT 13U
#define RX_DATA 0x00U
#define TX_DATA 0x20U
#define RX_STATUS 0x40U
#define TX_STATUS 0x48U
#define ID_REV 0x50U
#define IRQ_CFG 0x54U
#define INT_STS 0x58U
#define INT_EN 0x5cU
#define FIFO_INT 0x68U
#define TX_CFG 0x70U
#define HW_CFG 0x74U
#define RX_FIFO_INF 0x7cU
#define TX_FIFO_INF 0x80U
#define MAC_CSR_CMD 0xa4U
#define MAC_CSR_DATA 0xa8U
#define MAC_CR 1U
#define MAC_ADDRH 2U
#define MAC_ADDRL 3U

#define CHIP 0x0118U /* upper half of ID_REV */
#define RESET_TRIES 100000U
#define MAC_BUSY 0x80000000U
#define MAC_READ 0x40000000U
#define WHOLE_FRAME 0x3000U /* first and last segment */
#define CHECKSUM_BYTES 4U

static volatile uint32_t *reg(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(BASE + offset);
}

static void mac_write(uint32_t index, uint32_t value)
{
    *reg(MAC_CSR_DATA) = value;
    *reg(MAC_CSR_CMD) = MAC_BUSY | index;
}

static uint32_t mac_read(uint32_t index)
{
    *reg(MAC_CSR_CMD) = MAC_BUSY | MAC_READ | index;
    return *reg(MAC_CSR_DATA);
}

bool ud_lan_open(uint8_t mac[UD_LAN_MAC_BYTES])
{
    if (*reg(ID_REV) >> 16 != CHIP) {
        return false;
    }
    *reg(HW_CFG) = 1; /* reset */
    for (uint32_t i = 0; (*reg(HW_CFG) & 1) != 0; i++) {
        if (i == RESET_TRIES) {
            return false;
        }
    }
    *reg(HW_CFG) = 0x00050000;
    *reg(INT_EN) = 0;
    *reg(INT_STS) = UINT32_MAX;
    const uint32_t low = mac_read(MAC_ADDRL);
    const uint32_t high = mac_read(MAC_ADDRH);
    for (unsigned i = 0; i < UD_LAN_MAC_BYTES; i++) {
        mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
    }
    *reg(TX_CFG) = 2;               /* on */
    mac_write(MAC_CR, 0x0010000cU); /* full duplex, transmitter, receiver */
    *reg(FIFO_INT) = 0x48000000;    /* a frame is there */
    *reg(IRQ_CFG) = 0x111;          /* active high, push-pull, enabled */
    ud_cortexm_wake_by(INTERRUPT);
    return true;
}

void ud_lan_send(const uint32_t *frame, uint32_t len)
{
    *reg(TX_DATA) = WHOLE_FRAME | len;
    *reg(TX_DATA) = len;
    for (uint32_t i = 0; i < (len + 3) / 4; i++) {
        *reg(TX_DATA) = frame[i];
    }
    while (*reg(TX_FIFO_INF) >> 16 != 0) {
        (void)*reg(TX_STATUS);
    }
}

static bool has_frame(void)
{
    return (*reg(RX_FIFO_INF) >> 16 & 0xff) != 0;
}

uint32_t ud_lan_receive(uint32_t room[UD_LAN_FRAME_BYTES_MAX / 4])
{
    if (!has_frame()) {
        return 0;
    }
    const uint32_t len = *reg(RX_STATUS) >> 16 & 0x3fff;
    const bool fits = len > CHECKSUM_BYTES && len <= UD_LAN_FRAME_BYTES_MAX;
    for (uint32_t i = 0; i < (len + 3) / 4; i++) { /* every word has to go, wanted or not */
        const uint32_t word = *reg(RX_DATA);
        if (fits) {
            room[i] = word;
        }
    }
    return fits ? len - CHECKSUM_BYTES : 0;
}

bool ud_lan_wake(void)
{
    *reg(INT_STS) = UINT32_MAX;
    ud_cortexm_wake_done(INTERRUPT);
    *reg(INT_EN) = 8;    /* receive status level */
    return !has_frame(); /* one that came before was wiped out with the interrupt's status */
}
