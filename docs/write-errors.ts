import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../schemas/error-codes.ts'
import { errorsDocument } from './errors-document.ts'

writeFileSync(join(import.meta.dirname, 'errors.md'), errorsDocument(errorCodes))
