import type { KekWrapped } from '@memoric/crypto/kek.ts'
import type { RootKeyStore } from '@memoric/crypto/root-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'

/** Where one version of the root key is kept. */
export function createRootKeyStore(sql: Sql, version: number): RootKeyStore {
  return {
    async read() {
      const [rows] = await systemFlight(sql, (tx) => [
        tx<KekWrapped[]>`select kek_id as "kekId", wrapped from root_keys where version = ${version}`,
      ])
      return rows[0] ?? null
    },
    async insertIfAbsent({ kekId, wrapped }) {
      await systemFlight(sql, (tx) => [
        tx`
          insert into root_keys (version, kek_id, wrapped) values (${version}, ${kekId}, ${wrapped})
          on conflict (version) do nothing`,
      ])
    },
    async replace(before, { kekId, wrapped }) {
      await systemFlight(sql, (tx) => [
        tx`
          update root_keys set kek_id = ${kekId}, wrapped = ${wrapped}
          where version = ${version} and kek_id = ${before.kekId} and wrapped = ${before.wrapped}`,
      ])
    },
  }
}
