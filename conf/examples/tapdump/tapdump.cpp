// Opens a TAP or TUN device and prints what the other side sends, as the TUN/TAP tutorials do.
//
//     weft ip tuntap add dev tap0 mod tap
//     weft ip addr add 10.1.0.10/24 dev tap0
//     weft ip link set dev tap0 up
//     tapdump tap0 &
//     ping -c 1 -b 10.1.0.255
//
// With -n the device is one of mode tun: packets have no Ethernet header. With -c N it ends after N packets.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int addresses_and_type = 14;

/// A descriptor of the device. From now on each read(2) is one packet, each write(2) sends one.
int open_device(const char* name, bool tun) {
    const int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (device < 0) return -1;
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>((tun ? IFF_TUN : IFF_TAP) | IFF_NO_PI);
    if (ioctl(device, TUNSETIFF, &request) == 0) return device;
    close(device);
    return -1;
}

void print_address(const char* before, const unsigned char* mac) {
    std::printf("%s%02x:%02x:%02x:%02x:%02x:%02x", before, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void print_payload(const unsigned char* bytes, int length) {
    for (int i = 0; i < length; ++i)
        std::printf("%s%02x", i % 16 == 0 ? "\n    " : " ", bytes[i]);
    std::printf("\n");
}

void print_frame(const unsigned char* frame, int length) {
    if (length < addresses_and_type) return;
    print_address("destination ", frame);
    print_address(" source ", frame + 6);
    std::printf(" type 0x%02x%02x payload %d", frame[12], frame[13], length - addresses_and_type);
    print_payload(frame + addresses_and_type, length - addresses_and_type);
}

void print_packet(const unsigned char* packet, int length) {
    std::printf("IPv%d payload %d", packet[0] >> 4, length);
    print_payload(packet, length);
}

}  // namespace

int main(int argc, char** argv) {
    bool tun = false;
    long count = -1;
    int option;
    while ((option = getopt(argc, argv, "nc:")) != -1) {
        if (option == 'n') tun = true;
        if (option == 'c') count = std::strtol(optarg, nullptr, 10);
        if (option == '?') return 1;
    }
    if (optind + 1 != argc) {
        std::fprintf(stderr, "usage: tapdump [-n] [-c N] DEVICE\n");
        return 1;
    }
    const int device = open_device(argv[optind], tun);
    if (device < 0) {
        std::perror(argv[optind]);
        return 1;
    }
    std::printf("listening on %s\n", argv[optind]);
    std::fflush(stdout);
    static unsigned char packet[65536];
    while (count != 0) {
        const auto length = static_cast<int>(read(device, packet, sizeof packet));
        if (length < 0) {
            std::perror("read");
            return 1;
        }
        if (tun && length > 0) print_packet(packet, length);
        if (!tun) print_frame(packet, length);
        std::fflush(stdout);
        if (count > 0) --count;
    }
    close(device);
    return 0;
}
