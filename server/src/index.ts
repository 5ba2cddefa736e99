export { createLogger } from './wiring/create-logger.ts'
export { readSettings, type Settings } from './settings/read-settings.ts'
export { startServer, type Server } from './main.ts'
