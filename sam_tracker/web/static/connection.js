// The websocket to the console: commands out, answers back, and a new connection when one is lost.

const RETRY_MILLISECONDS = 1000;

export class Connection {
  // `on` has the functions frame(buffer), state(state), unreadable(message), open() and lost().
  constructor(on) {
    this.on = on;
    this.number = 0;
    this.waiting = new Map();
    this.connect();
  }

  connect() {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    this.socket = new WebSocket(`${scheme}://${window.location.host}/live`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.on.open();
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      for (const resolve of this.waiting.values()) resolve({ success: false, message: '' });
      this.waiting.clear();
      this.on.lost();
      // A session may have ended meanwhile: then the page itself asks for the password.
      window.setTimeout(async () => {
        const page = await fetch('/', { method: 'GET' }).catch(() => null);
        if (page && page.status === 401) window.location.reload();
        else this.connect();
      }, RETRY_MILLISECONDS);
    };
  }

  receive(data) {
    if (data instanceof ArrayBuffer) {
      this.on.frame(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.kind === 'answer') {
      const resolve = this.waiting.get(message.number);
      this.waiting.delete(message.number);
      if (resolve) resolve(message);
    } else if (message.kind === 'state') {
      this.on.state(message);
    } else if (message.kind === 'unreadable') {
      this.on.unreadable(message.message);
    }
  }

  // Sends a command that has no answer.
  tell(command, fields = {}) {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ command, number: 0, ...fields }));
    }
  }

  // Sends a command and returns a promise of its answer {success, message, ...}.
  ask(command, fields = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.resolve({ success: false, message: '' });
    this.number += 1;
    const { number } = this;
    this.socket.send(JSON.stringify({ command, number, ...fields }));
    return new Promise((resolve) => this.waiting.set(number, resolve));
  }
}
