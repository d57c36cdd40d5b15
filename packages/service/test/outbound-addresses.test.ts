import { expect, test } from 'vitest'
import { isPublicAddress } from '../src/outbound-addresses.ts'

const notPublic = [
  ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['private', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ['shared by customers of a carrier', '100.64.0.1', '100.127.255.255'],
  ['link-local, where clouds keep their metadata', '169.254.0.1', '169.254.169.254', 'fe80::1', 'febf::1'],
  ['unique local', 'fc00::1', 'fd00:ec2::254', 'fdff:ffff::1'],
  ['site-local', 'fec0::1'],
  ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
  ['reserved and broadcast', '240.0.0.1', '255.255.255.255'],
  ['of protocols', '192.0.0.1', '192.88.99.1', '2001::1', '2001:1ff::1'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  ['benchmarking', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  ['IPv4 mapped into IPv6', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254'],
  ['IPv4 compatible with IPv6', '::127.0.0.1', '::a00:1'],
  ['NAT64 of IPv4', '64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::', '64:ff9b::1'],
  ['local NAT64', '64:ff9b:1::808:808'],
  ['6to4', '2002:7f00:1::', '2002:a00:1::1', '2002:808:808::1'],
  ['beyond what is given out', '4000::1', '5f00::1', '100::1', 'e000::1'],
  ['with a zone', 'fe80::1%eth0', '2606:4700::1111%eth0'],
  ['no address', '', 'example.com', '127.1', '2130706433', '0x7f000001', '1.2.3', '1.2.3.4.5', '[::1]', '8.8.8.8 '],
] as const

test.each(notPublic.flatMap(([what, ...addresses]) => addresses.map((address) => [what, address])))(
  'an address that is %s is not public: %s',
  (_what, address) => {
    expect(isPublicAddress(address)).toBe(false)
  },
)

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2606:4700:4700::1111',
  '2a00:1450:4001::1',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})
