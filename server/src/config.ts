export { readSettings as readConfig, type Settings as Config } from './settings/read-settings.ts'
