// A program: makes the data directory that its argument names, with everything that a server makes at its first start.
import { pino } from 'pino'
import { readConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/main.ts'

const config = readConfig({ KEYHOLD_PORT: '0', KEYHOLD_DATA_DIR: process.argv[2] ?? '' })
const server = await startServer(config, pino({ level: 'silent' }))
await server.stop()
