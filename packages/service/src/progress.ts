/** Where progress is shown; process.stdout fits. */
export interface Screen {
  isTTY?: boolean
  write: (text: string) => unknown
}

const WIDTH = 40

/** Shows how far something is: a bar that grows on a terminal, a line for each quarter elsewhere. */
export function createProgress(screen: Screen, total: number): (done: number) => void {
  return screen.isTTY === true ? bar(screen, total) : lines(screen, total)
}

/** Of nothing, all is done. */
function share(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total)
}

function bar(screen: Screen, total: number): (done: number) => void {
  return (done) => {
    const filled = Math.round(share(done, total) * WIDTH)
    const end = done >= total ? '\n' : ''
    screen.write(`\r[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${done}/${total}${end}`)
  }
}

function lines(screen: Screen, total: number): (done: number) => void {
  let told = 0
  return (done) => {
    const quarter = Math.floor(share(done, total) * 4)
    if (quarter > told) screen.write(`${done} of ${total}\n`)
    told = Math.max(told, quarter)
  }
}
