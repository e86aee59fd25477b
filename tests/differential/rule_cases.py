"""Lines and save files that iptables and weft must take, print and refuse alike, in this order.

Not among them is what weft does otherwise, on purpose:
- a port above 65535 is refused where 1.8.9 takes it modulo 65536 (udp, --ctorigsrcport and its like);
- a mask with holes is refused where 1.8.9 takes it for all ones (--ctorigsrc and its like, NETMAP);
- -psctp and -jACCEPT, written together, are read; 1.8.9 takes the dash for part of the name;
- policy counters stay when another rule changes; 1.8.9 sets them to 0;
- recent --hitcount is at most 255, as the suite of 1.8.9 asks and kernels did until 6.11;
- without -n, addresses are not looked up by DNS or in /etc/hosts;
- -h says it in words of its own.
"""

LINES = r"""-A FOO -j ACCEPT
-A INPUT -j FOO
-A INPUT -j INPUT
-I INPUT -j INPUT
-I INPUT 5 -j ACCEPT
-R INPUT 5 -j ACCEPT
-D INPUT 5
-D INPUT -j ACCEPT
-C INPUT -j ACCEPT
-C FOO -j ACCEPT
-D FOO -j ACCEPT
-F FOO
-Z FOO
-Z INPUT 3
-L FOO
-S FOO
-N A
-N A
-N INPUT
-X FOO
-X INPUT
-A A -p tcp -j DROP
-X A
-N B
-A B -j A
-A A -j B
-A INPUT -j A
-S
-X
-X B
-D A -j B
-A INPUT -j A
-E A C
-E A B
-E ZZ Y
-P A DROP
-P INPUT FOO
-P ZZ DROP
-P INPUT DROP
-N ACCEPT
-N LOG
-N -x
-t foo -L
-g FOO -A INPUT
-A INPUT -g FOO
--foo
-A INPUT -m foo
-A INPUT -m tcp --dport 80
-t nat -A INPUT -j MASQUERADE
-A INPUT -j MASQUERADE
-t nat -A POSTROUTING -j DROP
-A INPUT -j CT --notrack
-t raw -A PREROUTING -j NOTRACK
-t raw -L
-t raw -S
-L
-nvL
-A INPUT -v -p tcp --dport 80 -j ACCEPT
-A INPUT -f -j ACCEPT
-A INPUT -g C
-L -n --line -v -x
-A INPUT -c 123456 99999999999999 -p udp --dport 53
-c 1,2 -A FORWARD
-L -v
-L -vn
-L -vx
-S -v
-S INPUT 2
-L INPUT 2 -n
-L INPUT 2 -nv --line
-Z INPUT 2
-L -Z
-S -Z INPUT
-R INPUT 1 -s 1.2.3.4,5.6.7.8 -j DROP
-R INPUT 1 -s 1.2.3.4 -j DROP
-I INPUT 2 -s 1.2.3.4,5.6.7.8 -d 9.9.9.9,8.8.8.8 -j DROP
-S INPUT
-D INPUT -s 1.2.3.4,5.6.7.8 -d 9.9.9.9,8.8.8.8 -j DROP
-S INPUT
-F -v
-vZ
-vX
-V
! -V

x
-4 -L A
-6 -L
-4 -S
-A INPUT -s foo
-A INPUT -s 1.2.3.4.5
-A INPUT -s 1.2.3.4/33
-A INPUT -s 10 -d 10.1 -i + -o eth+
-A FORWARD -s 10 -d 10.1 -i + -o eth+ ! -f
-A FORWARD -s 0/0 ! -d 0/0 ! -i eth0 -o verylonginterfacename
-A FORWARD -s 0/0 ! -d 0/0 ! -i eth0 -o eth/0
-A FORWARD -i
-A FORWARD -i ''
-A INPUT -p foo
-A INPUT -p tcp --dport foo
-A INPUT -p tcp --dport 
-A INPUT -p tcp --dport 22:21
-A INPUT -p tcp --dport 1 --dport 2
-A INPUT ! -p 0
-A INPUT ! ! -p tcp
-A INPUT !
-A INPUT -p tcp ! --dport ssh --sport :1024 -m tcp --syn -m comment --comment "it's \\"x\\"" -j LOG --log-prefix "a b" --log-level debug --log-uid
-A INPUT -p ! tcp
-A INPUT -s ! 1.2.3.4
-A INPUT --dport 80
-A INPUT -p tcp --foo
-A INPUT -p icmp --icmp-type ping -j REJECT
-A INPUT -p icmp --icmp-type echo
-A INPUT -p icmp --icmp-type 3/4
-A INPUT -p icmp --icmp-type 3/x
-A INPUT -p icmp --icmp-type t
-A INPUT -p icmp -m icmp
-A INPUT -p 1 -m icmp --icmp-type any
-L -n
-L
-S
-L -A INPUT
-S -n
-L -j ACCEPT
-D INPUT 1 -j ACCEPT
-A INPUT -s 1.2.3.4,5.6.7.8 ! -d 1.1.1.1,2.2.2.2
-A INPUT -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -j REJECT --reject-with tcp-r
-A INPUT -j REJECT --reject-with foo
-A INPUT -j REJECT --reject-with host --log-level 3
-A INPUT -j REJECT -j ACCEPT
-A INPUT -j aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-A INPUT -m aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-N aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-N aaaaaaaaaaaaaaaaaaaaaaaaaaaa
-A INPUT --proto tcp --destination-port 5 --jump ACCEPT
-A INPUT --pro tcp --dest 5
-A INPUT --p tcp
-A INPUT -m multiport -p tcp --dports 1,2
-A INPUT -p tcp -m multiport --dports 1,2,ssh:25
-A INPUT -p tcp -m multiport ! --dports 1,2,22:25
-A INPUT -p tcp -m multiport --dports 1,2 --sports 2
-A INPUT -p tcp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
-A INPUT -p tcp -m multiport --ports 5:5
-A INPUT -m multiport --dports 1 -p tcp
-A INPUT -p esp -m multiport --ports 5
-A INPUT -m limit
-A INPUT -m limit --limit 10/m
-A INPUT -m limit --limit 7/minute --limit-burst 10
-A INPUT -m limit --limit 90/sec
-A INPUT -m limit --limit 10001/sec
-A INPUT -m limit --limit 0/sec
-A INPUT -m limit --limit 1/day --limit-burst 10000
-A INPUT -m limit --limit 1/day --limit-burst 100
-A INPUT -m limit --limit-burst 10001
-A INPUT -m limit ! --limit 1/day
-A INPUT -m limit --limit-burst 0
-A INPUT -m state --state NEW,EST
-A INPUT -m state ! --state NEW
-A INPUT -m state --state NEW,
-A INPUT -m state --state FOO,NEW
-A INPUT -m conntrack --ctstate NEW,REL,DNAT ! --ctproto 6 --ctorigsrc 10.1.2.3/8 --ctorigsrcport 5:10 --ctstatus ASSURED,EXP --ctexpire 1:10 --ctdir reply
-A INPUT -m conntrack
-A INPUT -m conntrack --ctorigsrcport 1:2:3
-A INPUT -m conntrack --ctorigsrcport foo
-A INPUT -m conntrack --ctexpire 1:x
-A INPUT -m conntrack --ctexpire 5x
-A INPUT -m conntrack --ctdir foo
-A INPUT -m conntrack --ctorigsrc 10.0.0.0/255.0.0.0
-A INPUT -m conntrack --ctorigsrc 10.0.0.0/foo
-A INPUT -m mark --mark 5/6/7
-A INPUT -m mark --mark x
-A INPUT -m mark ! --mark 0x5/0xff -m connmark ! --mark 3
-A INPUT -m mark --mark 1 --mark 2
-A INPUT -m iprange --src-range 1.2.3.4-1.2.3.9 ! --dst-range 5.5.5.5
-A INPUT -m iprange --src-range foo
-A INPUT -m mac --mac-source 00:11:22:33:44:55
-A OUTPUT -m mac --mac-source 00:11:22:33:44:55
-A INPUT -m mac --mac-source 00:11:22:33:44
-A INPUT -m pkttype ! --pkt-type bcast
-A INPUT -m pkttype --pkt-type foo
-A INPUT -m length ! --length 5:10
-A INPUT -m length --length 10:
-A INPUT -m length --length 1:2:3
-t mangle -A INPUT -p udp -j TCPMSS --set-mss 1400
-A INPUT -m ttl --ttl-eq 5
-A INPUT -m ttl ! --ttl 5
-A INPUT -m ttl --ttl-lt 1 -m ttl --ttl-gt 255
-A INPUT -m ttl
-A INPUT -m ttl --ttl-eq 256
-A INPUT -m ttl --ttl-eq 1 --ttl-lt 3
-A INPUT -m ttl ! --ttl-lt 3
-A INPUT -m hl ! --hl-eq 5
-A INPUT -m hl --hl-gt 3
-A INPUT -m hl
-A INPUT -m hl --hl-lt 256
-A INPUT -m rt
-A INPUT -m rt --rt-type 0 --rt-segsleft 1:5 --rt-len 24
-A INPUT -m rt ! --rt-type 256 ! --rt-segsleft 5:3 ! --rt-len 4
-A INPUT -m rt --rt-segsleft 4: ! --rt-len 0
-A INPUT -m rt --rt-segsleft x
-A INPUT -m rt --rt-type 0 --rt-type 1
-A INPUT -m statistic --mode random --probability 0.5
-A INPUT -m statistic --mode random ! --probability 0.33333333349
-A INPUT -m statistic --mode random --probability 1e-1
-A INPUT -m statistic --probability 0
-A INPUT -m statistic --mode nth --every 3 --packet 2
-A INPUT -m statistic --mode nth ! --every 3 --packet 0
-A INPUT -m statistic
-A INPUT -m statistic --mode foo
-A INPUT -m statistic --mode nth
-A INPUT -m statistic --mode nth --every 3
-A INPUT -m statistic --mode nth --packet 0
-A INPUT -m statistic --mode nth --packet 1
-A INPUT -m statistic --mode nth --every 3 --packet 3
-A INPUT -m statistic --mode nth --every 0 --packet 0
-A INPUT -m statistic --mode random --probability 1.1
-A INPUT -m statistic --mode random --probability x
-A INPUT -m statistic --mode random --probability ""
-A INPUT -m statistic --mode random --probability 0.5 --every 3 --packet 0
-A INPUT -m statistic ! --mode random --probability 0.5
-A INPUT -m addrtype --src-type LOCAL,UNI ! --dst-type MULTICAST
-A INPUT -m addrtype --src-type foo
-A INPUT -m addrtype --src-type foo,LOCAL
-A INPUT -m addrtype --src-type LOCAL --limit-iface-out
-A INPUT -m physdev --physdev-in eth0 ! --physdev-is-bridged
-A OUTPUT -m physdev --physdev-out eth0
-A FORWARD -m physdev --physdev-out eth0
-A INPUT -m physdev
-A INPUT -m recent --set --name foo --rdest
-A INPUT -m recent --rcheck --seconds 60 --hitcount 4 --name ssh --reap --rttl
-A INPUT -m recent ! --update --seconds 60
-A INPUT -m recent --set --seconds 5
-A INPUT -m recent
-A INPUT -m recent --set --update
-A INPUT -m recent --seconds 0 --set
-A INPUT -m recent --set --name a/b
-A INPUT -m recent --rcheck --reap
-A INPUT -m comment --comment ''
-A INPUT -m comment ! --comment x
-A INPUT -j MARK --set-mark 5
-A INPUT -j MARK --and-mark 5
-A INPUT -j MARK --or-mark 5
-A INPUT -j MARK --xor-mark 5
-A INPUT -j MARK --set-xmark 5/6
-A INPUT -j MARK --set-mark 5 --or-mark 6
-A INPUT -j CONNMARK --save-mark --mask 5
-A INPUT -j CONNMARK --restore-mark --nfmask 5 --ctmask 6
-A INPUT -j CONNMARK --set-mark 5/6
-A INPUT -j CONNMARK --save-mark --nfmask 3
-A INPUT -j CONNMARK --set-mark 5 --left-shift-mark 2
-A INPUT -j CONNMARK
-A INPUT -j CONNMARK --left-shift-mark 2
-A INPUT -j CONNMARK --left-shift-mark 33
-A INPUT -j TCPMSS --set-mss 5
-A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
-A INPUT -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -p tcp --syn -j TCPMSS --set-mss 65520
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400
-A FORWARD -p tcp -m tcp --tcp-flags FOO SYN -j TCPMSS --set-mss 1400
-A FORWARD -p tcp -m tcp --tcp-flags SYN
-A FORWARD -p tcp --tcp-option 5 ! --syn
-A FORWARD -p tcp --tcp-option 0
-A FORWARD -p tcp --tcp-flags ALL NONE
-A FORWARD -j TRACE
-t raw -A PREROUTING -j TRACE
-t raw -A PREROUTING -j CT --zone 5
-t raw -A PREROUTING -j CT --zone mark
-t raw -A PREROUTING -j CT --zone-orig 5
-t raw -A PREROUTING -j CT --zone-orig 5 --zone-reply 6
-t raw -A PREROUTING -j CT --zone 5 --zone-reply mark
-t raw -A PREROUTING -j CT --ctevents destroy,new --expevents new --zone-reply 3
-t raw -A PREROUTING -j CT --ctevents new,,destroy
-t raw -A PREROUTING -j CT --expevents destroy
-t raw -L -n
-t raw -S
-t raw -D PREROUTING -j CT --notrack
-t raw -D PREROUTING -j NOTRACK
-t nat -A POSTROUTING -j SNAT --to 1.2.3.4-1.2.3.5 --random
-t nat -A POSTROUTING -p tcp -j SNAT --to 1.2.3.4:10-20 --random-fully --persistent
-t nat -A POSTROUTING -p tcp -j SNAT --to :10-20
-t nat -A POSTROUTING -j SNAT --to :10-20
-t nat -A POSTROUTING -j SNAT
-t nat -A POSTROUTING -j MASQUERADE --random
-t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 5-6
-t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 5:6
-t nat -A PREROUTING -p udp -j DNAT --to 1.2.3.4:5-6/7
-t nat -A PREROUTING -p udp -j DNAT --to 1.2.3.4:6-5
-t nat -A PREROUTING -p udp -j DNAT --to 1.2.3:6
-t nat -A PREROUTING -p udp -j REDIRECT --to-ports 5
-t nat -A PREROUTING -j NETMAP --to 10.0.0.0/8
-t nat -A PREROUTING -j NETMAP --to 10.0.0.0/255.255.0.0
-t nat -A INPUT -j DNAT --to 1.2.3.4
-t nat -P PREROUTING DROP
-t nat -L -n -v
-t nat -L
-t nat -S
-A INPUT -w 5 -j ACCEPT
-A INPUT -w -j ACCEPT
-w x -L
-w -W 1000 -S INPUT
-W 1000 -S INPUT
-w 1 -W x -S INPUT
-w -W
-A INPUT -s 0x0a010203
-A INPUT -s 10.66051 -d 167837955
-A INPUT -s 012.1.2.3
-A INPUT -m conntrack --ctorigsrc 1.2.3/24
-t nat -A PREROUTING -j NETMAP --to 1.2.3/24
-t nat -A PREROUTING -j NETMAP --to 1.2/16
-A INPUT --fragments
-A INPUT -f
-t raw -A PREROUTING -m rpfilter --invert --accept-local --loose --validmark -j DROP
-t mangle -A PREROUTING -m rpfilter
-t raw -A PREROUTING -m rpfilter ! --loose
-t raw -A PREROUTING -m rpfilter --loose --loose
-A INPUT -m rpfilter
-t mangle -A FORWARD -m rpfilter --loose
-t raw -S
-t raw -L -n
-t mangle -S
-A INPUT -m set --match-set foo src
-L -n
-L -v
-S -v
-E B
-P INPUT
-R INPUT
-R INPUT x
-D INPUT 0
-D INPUT 99
-A INPUT -c 5
-A INPUT -c x y
-A INPUT -- foo
-A INPUT -m state -m conntrack --ctstate NEW --state NEW
-A INPUT -m comment --comment a -m comment --comment b
-A INPUT -p tcp -m tcp --dport 5 -m tcp --dport 6
-A INPUT -p tcp -m tcp --dport 5 --foo
-A INPUT -m mark --mark 1 -m connmark --mark 2
-A INPUT -j ACCEPT extra
-A INPUT -p tcp --tcp-fl SYN SYN
-A INPUT -p 132 -j ACCEPT
-A INPUT -p 200 -j ACCEPT
-A INPUT -p gre
-A INPUT -nj ACCEPT
-A INPUT -p TCP -j ACCEPT
-A INPUT -m udp --dport 53 -p udp -j ACCEPT
-A INPUT -p udp --dport :53 -j ACCEPT
-A INPUT -p udp --dport domain -j ACCEPT
-A INPUT -p udp --dport a:b
-A INPUT -s 10.0.0.0/255.0.255.0
-S
-L -nv
-L""".split("\n")

FILES = [
    """*filter
:INPUT DROP [5:6]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:zz - [0:0]
:aa - [0:0]
[1:2] -A INPUT -p tcp -m tcp --dport 22 -j zz
-A zz -m comment --comment "a \\"b\\" \\\\ 'c" -j LOG --log-prefix "x y "
-A aa -j zz
COMMIT
""",
    """# c
*filter
-A INPUT -j FOO
COMMIT
""",
    """*filter
-A INPUT --foo
COMMIT
""",
    """*filter

-A NOPE -j ACCEPT
COMMIT
""",
    """*filter
-A INPUT -j ACCEPT
""",
    """*foo
COMMIT
""",
    """*filter
:INPUT FOO [0:0]
COMMIT
""",
    """*filter
:foo DROP [0:0]
COMMIT
""",
    """*filter
:foo - [0:0]
:foo - [0:0]
COMMIT
""",
    """*filter
:foo
COMMIT
""",
    """*filter
:INPUT ACCEPT
-A INPUT -t filter -j ACCEPT
COMMIT
""",
    """*filter
-w -A INPUT -j ACCEPT
COMMIT
""",
    """*filter
[5:6 -A INPUT -j ACCEPT
COMMIT
""",
    """*filter
[5] -A INPUT -j ACCEPT
COMMIT
""",
    """*filter
-4 -A INPUT -j ACCEPT
-6 -A INPUT -j DROP
COMMIT
""",
    """*filter
-A INPUT -m tcp --dport 80 -j ACCEPT
COMMIT
""",
    """*nat
-A POSTROUTING -j MASQUERADE
COMMIT
*filter
-A INPUT -j MASQUERADE
COMMIT
""",
    """*filter
:A - [0:0]
:B - [0:0]
-A INPUT -j A
-A A -j B
-A B -j A
COMMIT
""",
    """*filter
-N foo
-A INPUT -j foo
-I INPUT 1 -j ACCEPT
-D INPUT 2
-X foo
-P INPUT DROP
COMMIT
""",
    """*filter
-A INPUT -s 1.2.3.4 -j ACCEPT
-D INPUT -s 1.2.3.5 -j ACCEPT
COMMIT
""",
    """*filter
-A INPUT bad
COMMIT
""",
    """*filter
-A INPUT -m comment --comment "" -j ACCEPT
-A INPUT -m comment --comment "a"b -j ACCEPT
COMMIT
""",
    """*filter
:INPUT ACCEPT [x]
COMMIT
""",
    """*mangle
COMMIT
garbage
*filter
COMMIT
""",
    """*filter
*nat
COMMIT
""",
    """*filter
COMMIT 
""",
    """*filter
-L
COMMIT
""",
    """*filter
-A INPUT -j LOG
-A INPUT -p tcp --dport 80:90 --sport http -j REJECT --reject-with tcp-reset
--append INPUT --protocol tcp --dport http --jump ACCEPT --match state --state NEW
--append INPUT --match state --state NEW --jump ACCEPT --protocol tcp --dport http
COMMIT
""",
    """*filter
:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa - [0:0]
COMMIT
""",
    """*
COMMIT
""",
    """*filter
:
COMMIT
""",
    """*filter
-A INPUT -c 5
COMMIT
""",
    """*filter
-A INPUT -j ACCEPT -V
COMMIT
""",
]

OPTIONS = [[], ["-c"], ["-n"], ["--test"], ["-T", "filter"], ["-T", "nat"], ["-c", "-n"], ["-v"], ["--foo"], ["-z"],
           ["--noflush", "--counters"], ["-V"]]
