import type { KekWrapped } from '@memoric/crypto/kek.ts'
import type { RootKeyStore } from '@memoric/crypto/root-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'

export function rootKeyStore(sql: Sql): RootKeyStore {
  return {
    async read() {
      const [[row]] = await systemFlight(sql, (tx) => [
        tx<KekWrapped[]>`select kek_id as "kekId", wrapped from root_key`,
      ])
      return row ?? null
    },
    async insertIfAbsent({ kekId, wrapped }) {
      await systemFlight(sql, (tx) => [
        tx`insert into root_key (kek_id, wrapped) values (${kekId}, ${Buffer.from(wrapped)}) on conflict do nothing`,
      ])
    },
    async replace(before, { kekId, wrapped }) {
      await systemFlight(sql, (tx) => [
        tx`
          update root_key set kek_id = ${kekId}, wrapped = ${Buffer.from(wrapped)}
          where kek_id = ${before.kekId} and wrapped = ${Buffer.from(before.wrapped)}`,
      ])
    },
  }
}
