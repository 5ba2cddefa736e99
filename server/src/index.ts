export { readConfig, type Config } from './config.ts'
export { createLogger } from './create-logger.ts'
export { startServer, type Server } from './main.ts'
