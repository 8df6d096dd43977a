import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Finding } from '../finding.ts'

/** The errors among findings as one error: the first, with the others behind it in the message. */
export function errorOf(findings: readonly Finding[]): TidemarkError {
  const [first, ...others] = findings.filter(finding => finding.severity === 'error')
  if (first === undefined)
    return new TidemarkError('INTERNAL', { message: 'an error was made of findings that hold none' })
  const also = others.map(({ code, what }) => `${code}: ${what}`).join('; ')
  return new TidemarkError(first.code, {
    message: also === '' ? first.what : `${first.what}; also ${also}`,
    ...(first.place === '' ? {} : { place: first.place }),
    ...(first.remedy === '' ? {} : { cure: first.remedy })
  })
}
