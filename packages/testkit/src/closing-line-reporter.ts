import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line that other programs can read: `N passed, N failed`, with `, N skipped` where there are some. */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
    const count = (state: string): number => states.filter((each) => each === state).length
    const broken = modules.filter((module) => !module.ok() && module.children.size === 0).length
    const failed = count('failed') + broken + unhandled.length
    const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${skipped}\n`)
  }
}
