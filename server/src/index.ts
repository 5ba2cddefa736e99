export { createLogger } from './wiring/create-logger.ts'
export { startServer, type Server } from './main.ts'
