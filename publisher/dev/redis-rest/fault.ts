/** An answer that is an error: the HTTP status and the text of `{"error": …}`. Never put a token or a payload into it. */
export class Fault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "Fault";
    this.status = status;
  }
}
