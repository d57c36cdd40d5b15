import {
  encodePart,
  type ForgedToken,
  label,
  type Parts,
  signatureOf,
  type TokenForge,
  unsigned,
} from './token-forge.ts'

const junk = [
  'a.b.c',
  '..',
  '.',
  'e30.e30.e30',
  'a'.repeat(100),
  'a'.repeat(4000),
  'eyJhbGciOiJFZERTQSJ9',
  'a.b.c.d.e',
  `${encodePart({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`,
]

/** RFC 8032 section 5.1: the order of the base point. */
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n

/** The same signature with a scalar that is larger by the order: a lax verifier takes it as well. */
function withLargerScalar(token: string): string {
  const signature = Buffer.from(signatureOf(token), 'base64url')
  const scalar = BigInt(`0x${signature.subarray(32).reverse().toString('hex')}`) + ORDER
  const bytes = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
  return `${unsigned(token)}.${encodePart(Buffer.concat([signature.subarray(0, 32), bytes]))}`
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Other characters that decode to the same bytes: the last one of a text of odd length has spare bits. */
function withSpareBits(text: string): string {
  return text.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(text.slice(-1)) ^ 1)
}

/** A header whose base64url ends in a character with spare bits: one that is no multiple of three bytes long. */
function headerWithSpareBits(header: Parts, pad = ''): string {
  const part = encodePart({ ...header, pad })
  return part.length % 4 === 0 ? headerWithSpareBits(header, `${pad}x`) : withSpareBits(part)
}

/** JSON of claims in which one is said twice. */
function saidTwice(claims: Parts, name = 'sub'): string {
  return `${JSON.stringify(claims).slice(0, -1)},"${name}":${JSON.stringify(claims['sub'])}}`
}

type Texts = (forge: TokenForge) => readonly [header: string | Buffer, payload: string | Buffer]

/** Texts that say something else to another reader; each is signed by the issuer. */
const texts: readonly (readonly [string, Texts])[] = [
  [
    'alg twice',
    ({ header, claims }) => [`{"alg":"none",${JSON.stringify(header()).slice(1)}`, JSON.stringify(claims())],
  ],
  ['kid twice', ({ header, claims }) => [`{"kid":"x",${JSON.stringify(header()).slice(1)}`, JSON.stringify(claims())]],
  ['a claim twice', ({ header, claims }) => [JSON.stringify(header()), saidTwice(claims())]],
  ['a claim twice, once escaped', ({ header, claims }) => [JSON.stringify(header()), saidTwice(claims(), '\\u0073ub')]],
  [
    '__proto__ in the header',
    ({ header, claims }) => [`{"__proto__":{},${JSON.stringify(header()).slice(1)}`, JSON.stringify(claims())],
  ],
  ['a byte order mark', ({ header, claims }) => [`\ufeff${JSON.stringify(header())}`, JSON.stringify(claims())]],
  ['a text behind the claims', ({ header, claims }) => [JSON.stringify(header()), `${JSON.stringify(claims())}{}`]],
  [
    'claims that are no UTF-8',
    ({ header }) => [JSON.stringify(header()), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ],
  [
    'claims in UTF-16',
    ({ header, claims }) => [JSON.stringify(header()), Buffer.from(JSON.stringify(claims()), 'utf16le')],
  ],
  ...[[], null, 'x', 7, true].flatMap((value): (readonly [string, Texts])[] => [
    [`${label(value)} for claims`, ({ header }) => [JSON.stringify(header()), JSON.stringify(value)]],
    [`${label(value)} for a header`, ({ claims }) => [JSON.stringify(value), JSON.stringify(claims())]],
  ]),
]

const signatures: readonly (readonly [string, (token: string, forge: TokenForge) => string])[] = [
  ['a dot at the end', (token) => `${token}.`],
  ['four parts', (token) => `${token}.${signatureOf(token)}`],
  ['padding behind the signature', (token) => `${token}==`],
  ['spare bits in the signature', (token) => withSpareBits(token)],
  ['the signature cut by a byte', (token) => token.slice(0, -2)],
  ['the signature longer by a byte', (token) => `${token}AA`],
  ['the signature of another token', (token, forge) => `${unsigned(token)}.${signatureOf(forge.token())}`],
  ['a signature of zeros', (token) => `${unsigned(token)}.${encodePart(Buffer.alloc(64))}`],
  ['a signature of ones', (token) => `${unsigned(token)}.${encodePart(Buffer.alloc(64, 255))}`],
  ['a signature whose scalar is too large', withLargerScalar],
  [
    'the signature in hex',
    (token) => `${unsigned(token)}.${Buffer.from(signatureOf(token), 'base64url').toString('hex')}`,
  ],
  [
    'other claims before the same signature',
    (token, { claims }) => `${token.split('.')[0] ?? ''}.${encodePart(claims({ role: 'x' }))}.${signatureOf(token)}`,
  ],
]

/** What is not three parts of canonical base64url, of JSON objects that say everything once. */
export const ODD_TOKENS: readonly ForgedToken[] = [
  ...junk.map((text): ForgedToken => [label(text), () => text]),
  [
    'padding behind the header',
    ({ header, claims, sealed }) => sealed(`${encodePart(header())}=`, encodePart(claims())),
  ],
  [
    'padding behind the claims',
    ({ header, claims, sealed }) => sealed(encodePart(header()), `${encodePart(claims())}==`),
  ],
  [
    'spare bits in the header',
    ({ header, claims, sealed }) => sealed(headerWithSpareBits(header()), encodePart(claims())),
  ],
  [
    'base64 that is not for URLs',
    ({ header, claims, sealed }) =>
      sealed(encodePart(header()), Buffer.from(JSON.stringify(claims({ x: '????' }))).toString('base64')),
  ],
  ...signatures.map(([what, change]): ForgedToken => [what, (forge) => change(forge.token(), forge)]),
  ...texts.map(([what, write]): ForgedToken => [
    what,
    (forge) => {
      const [header, payload] = write(forge)
      return forge.sealed(encodePart(header), encodePart(payload))
    },
  ]),
]
