export { createLogger } from './create-logger.ts'
export { startServer, type Server } from './main.ts'
