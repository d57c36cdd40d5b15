/** Lets a program go on when nobody reads its output any more, as behind `| head`; what it still writes is lost. */
export function outliveReader(output: NodeJS.WriteStream): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}
