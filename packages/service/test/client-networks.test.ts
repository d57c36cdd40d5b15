import { isIP } from 'node:net'
import { network } from '@memoric/contracts/networks.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { areWithin, clientAddress, createAddressCheck, networkOf, statedAddress } from '../src/client-networks.ts'

const isIn = (address: string, ...lists: string[][]) => createAddressCheck(lists)!(address)

describe('an address has one form', () => {
  test.each([
    ['192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::ffff:192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::FFFF:192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::ffff:c000:201', 'ipv4', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:0201', 'ipv4', '192.0.2.1'],
    ['2001:DB8::0001', 'ipv6', '2001:db8::1'],
    ['fe80::1%eth0', 'ipv6', 'fe80::1'],
    ['::ffff:192.0.2.1%lo', 'ipv4', '192.0.2.1'],
    ['::192.0.2.1', 'ipv6', '::192.0.2.1'],
  ])('%s', (text, family, address) => {
    expect(clientAddress(text)).toEqual({ family, address })
  })

  test.each(['', 'unknown', '192.0.2', '192.0.2.1:80', '[2001:db8::1]', '192.0.2.01', '%', '::ffff:192.0.2.1/96', '1'])(
    '%j is none',
    (text) => {
      expect(clientAddress(text)).toBeNull()
    },
  )
})

describe('an allow-list of networks', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.1', false],
    ['192.0.2.255', '192.0.2.0/24', true],
    ['192.0.3.0', '192.0.2.0/24', false],
    ['192.0.2.9', '192.0.2.77/24', true],
    ['203.0.113.9', '0.0.0.0/0', true],
    ['2001:db8::1', '0.0.0.0/0', false],
    ['2001:db8::1', '::/0', true],
    ['203.0.113.9', '::/0', false],
    ['::ffff:203.0.113.9', '::/0', false],
    ['::ffff:192.0.2.1', '192.0.2.0/24', true],
    ['::ffff:c000:201', '192.0.2.0/24', true],
    ['192.0.2.1', '::ffff:192.0.2.0/120', true],
    ['192.0.3.1', '::ffff:192.0.2.0/120', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['192.0.2.1', '::ffff:0:0/90', false],
    ['2001:db8:1::5', '2001:db8::/32', true],
    ['2001:db9::5', '2001:db8::/32', false],
    ['fe80::1%eth0', 'fe80::/64', true],
    ['fe80::1%eth0', 'fe80::1', true],
  ])('%s in %s: %s', (address, entry, expected) => {
    expect(isIn(address, [entry])).toBe(expected)
  })

  test('holds whatever one of its entries holds, and no list is no limit', () => {
    expect(isIn('192.0.2.1', ['198.51.100.0/24', '192.0.2.0/24'])).toBe(true)
    expect(createAddressCheck([])).toBeNull()
  })

  test('stands beside others: the address must be in each', () => {
    expect(isIn('192.0.2.1', ['192.0.2.0/24'], ['192.0.2.1'])).toBe(true)
    expect(isIn('192.0.2.2', ['192.0.2.0/24'], ['192.0.2.1'])).toBe(false)
    expect(isIn('192.0.2.1', ['192.0.2.0/24'], [])).toBe(false)
  })

  test('holds nothing that is no address', () => {
    for (const text of ['', 'unknown', '192.0.2.1:80', 'x'.repeat(5000)]) {
      expect(isIn(text, ['0.0.0.0/0', '::/0'])).toBe(false)
    }
  })

  test('can be made of everything that the contract takes', () => {
    const ip = fc.oneof(fc.ipV4(), fc.ipV6())
    const entry = fc.oneof(
      ip,
      fc.tuple(ip, fc.nat(128)).map(([address, prefix]) => `${address}/${prefix}`),
    )
    fc.assert(
      fc.property(entry, (text) => {
        fc.pre(network.safeParse(text).success)
        const [address = ''] = text.split('/')
        expect(isIP(address)).not.toBe(0)
        expect(isIn(address, [text])).toBe(true)
        expect(areWithin([text], [text])).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a list is within another', () => {
  test.each([
    [['192.0.2.1'], ['192.0.2.0/24'], true],
    [['192.0.2.0/25', '192.0.2.200'], ['192.0.2.0/24'], true],
    [['192.0.2.0/23'], ['192.0.2.0/24'], false],
    [['0.0.0.0/0'], ['192.0.2.0/24'], false],
    [['192.0.2.1', '198.51.100.1'], ['192.0.2.0/24'], false],
    [['192.0.2.1'], ['::/0'], false],
    [['::ffff:192.0.2.0/124'], ['192.0.2.0/24'], true],
    [['2001:db8:1::/48'], ['10.0.0.0/8', '2001:db8::/32'], true],
    [['2001:db8::/31'], ['2001:db8::/32'], false],
  ])('%j in %j: %s', (inner, outer, expected) => {
    expect(areWithin(inner, outer)).toBe(expected)
  })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:80', '192.0.2.1'],
  ['[2001:DB8::1]:65535', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['192.0.2.1:', '192.0.2.1:'],
  ['192.0.2:80', '192.0.2:80'],
  ['[unknown]:80', '[unknown]:80'],
])('%j as a proxy states it is %s', (text, address) => {
  expect(statedAddress(text)).toBe(address)
})

test.each([
  ['192.0.2.77', '192.0.2.0/24'],
  ['::ffff:192.0.2.77', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['unknown', 'unknown'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
