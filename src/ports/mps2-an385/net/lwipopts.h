/* lwIP without an operating system: IPv4, UDP, DHCP; no TCP, no sockets, no names. */
#ifndef UPDRAFT_MPS2_LWIPOPTS_H
#define UPDRAFT_MPS2_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TCP 0
#define LWIP_IPV6 0
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_STATS 0
#define LWIP_NETIF_HOSTNAME 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE 4096
#define MEMP_NUM_UDP_PCB 2 /* DHCP's and ours */
#define PBUF_POOL_SIZE 4
#define PBUF_POOL_BUFSIZE 1536
#define IP_REASSEMBLY 0
#define IP_FRAG 0

#endif
