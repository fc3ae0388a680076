// Requests to the playground, made as the person that this tab acts as.

const ACTING = "acting"; // kept for the tab, so that two tabs can be two people

export const acting = {
  get id() { return sessionStorage.getItem(ACTING) ?? ""; },
  set id(value) { sessionStorage.setItem(ACTING, value); },
};

export const address = (path) => `/api/page/${path}?as=${encodeURIComponent(acting.id)}`;

// Gives the answer's JSON, or throws an Error with the server's own words.
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(address(path), {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error("The playground does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(answer.error ?? `The playground failed (${response.status}).`);
    error.status = response.status;
    throw error;
  }
  return answer;
}

// Gives the text of a file that somebody sent.
export async function textOf(path) {
  const response = await fetch(path).catch(() => null);
  if (!response?.ok) throw new Error("The file is not there any more.");
  return response.text();
}

// Follows the feed for ever; after a break it comes back and says so again through `onopen`.
export function follow({ onopen, onevent, ondown }) {
  let socket = null;
  let wait = 500;
  let timer = 0;
  const connect = () => {
    clearTimeout(timer);
    const mine = new WebSocket(location.origin.replace(/^http/, "ws") + address("feed"));
    socket = mine;
    mine.onopen = () => { wait = 500; onopen(); };
    mine.onmessage = (message) => { if (socket === mine) onevent(JSON.parse(message.data)); };
    mine.onclose = () => {
      if (socket !== mine) return;
      ondown();
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, 5000);
    };
  };
  connect();
  return {
    restart() {
      const old = socket;
      socket = null;
      old.close();
      connect();
    },
  };
}
