import postgres from 'postgres'
import { buildBaseline } from './app.ts'

const { DATABASE_URL = '', PORT = '0' } = process.env

const sql = postgres(DATABASE_URL, { max: 10 })
const app = buildBaseline(sql)
process.on('SIGTERM', () => void app.close().then(() => sql.end()))
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
