import { Hubbub, type Message, type Status, type User } from '@hubbub-im/sdk';
import { formatPlace, type Place, parsePlace, type Tab } from '../lib/permalink';
import { roomOfKey } from '../lib/readmarks';
import { roomProblem } from '../lib/roomname';
import { isString, isStrings, local, prefix, session } from '../lib/storage';
import { people } from './people.svelte';
import { RoomView, readMarks } from './room.svelte';

/** Where people meet who were given no room. */
export const firstRoom = 'lobby';

const inOrder = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** The page: one client, the rooms at the left, and the one that is open. */
export class App {
  /** The name that a guest chose; undefined on a first visit. */
  guestName = $state(local.read('name', isString));
  /** Signed in with a token, for as long as the tab lives. */
  readonly token = session.read('token', isString);

  status = $state.raw<Status>({ state: 'connecting', since: Date.now(), attempt: 0, online: true });
  user = $state.raw<User | null>(null);
  rooms = $state.raw<RoomView[]>([]);
  current = $state.raw<RoomView | undefined>();
  /** What of it is shown. */
  tab = $state<Tab>('chat');
  /** A message that the feed is to show; a new object each time, so that the same one can be asked for twice. */
  target = $state.raw<{ seq: number } | undefined>();

  readonly unreadTotal = $derived(this.rooms.reduce((sum, view) => sum + view.unread.count, 0));
  /** Messages that wait for the hub, in all rooms. */
  readonly waiting = $derived(
    this.rooms.reduce((sum, view) => sum + view.list.messages.filter(waits).length, 0),
  );

  #hub: Hubbub | undefined;

  /** The hub, for the parts that are fetched when they are first needed. */
  get client(): Hubbub | undefined {
    return this.#hub;
  }

  /** Where the SDK keeps things: people who come with tokens do not find one another's. */
  get shelf(): string | true {
    return this.token ? `token-${subject(this.token)}` : true;
  }

  /** Whether the caller has said who they are. */
  get known(): boolean {
    return this.token !== undefined || this.guestName !== undefined;
  }

  /** Starts, if the caller is known; else the welcome page asks for a name first. */
  start(): void {
    addEventListener('popstate', () => this.#follow());
    addEventListener('storage', (event) => this.#stored(event));
    if (this.known) this.#connect();
  }

  /** Takes the name of a first visit, and starts. */
  enter(name: string): void {
    this.#keepName(name);
    this.#connect();
  }

  rename(name: string): void {
    this.#keepName(name);
    this.#hub?.setName(name);
  }

  /** Tries at once instead of when the wait is over. */
  retryNow(): void {
    this.#hub?.disconnect();
    this.#hub?.connect();
  }

  /** Signs in with a token. The page starts afresh, so that nothing of the other identity stays. */
  useToken(token: string): void {
    session.write('token', token.trim());
    location.reload();
  }

  signOut(): void {
    session.remove('token');
    location.reload();
  }

  /** Opens a room, joining it if need be, and a message in it if one is named. */
  go(place: Place): void {
    const address = formatPlace(place);
    if (address !== location.pathname + location.search + location.hash) history.pushState(null, '', address);
    this.#show(place);
  }

  /** Takes the message out of the address, once somebody has gone on from it. */
  forgetTarget(): void {
    this.target = undefined;
    if (location.hash) history.replaceState(history.state, '', location.pathname);
  }

  /** Leaves a room and forgets how far it was read. */
  async leave(view: RoomView): Promise<void> {
    this.rooms = this.rooms.filter((other) => other !== view);
    this.#keepRooms();
    readMarks.remove(view.name);
    if (this.current === view) this.go({ room: this.rooms[0]?.name ?? firstRoom });
    view.dispose();
    await view.room.leave().catch(() => undefined);
  }

  /** The room that many steps below the open one, or above it. */
  step(by: number): void {
    const at = this.current ? this.rooms.indexOf(this.current) : -1;
    const next = this.rooms[(at + by + this.rooms.length) % this.rooms.length];
    if (next) this.go({ room: next.name });
  }

  #connect(): void {
    const { token } = this;
    const hub = new Hubbub({
      persist: this.shelf,
      client: 'hubbub-web',
      ...(token ? { getToken: () => token } : { guestName: this.guestName ?? '' }),
    });
    this.#hub = hub;
    hub.status.subscribe((status) => {
      this.status = status;
    });
    hub.user.subscribe((user) => {
      this.user = user;
      if (user) people.learn(user.id, user.name);
    });
    for (const name of local.read('rooms', isStrings) ?? []) {
      if (!roomProblem(name)) this.#add(name);
    }
    hub.connect();
    this.#follow();
  }

  /** Shows what the address says. */
  #follow(): void {
    if (!this.#hub) return;
    const place = parsePlace(location);
    if (place) {
      this.#show(place);
    } else {
      const room = this.rooms[0]?.name ?? firstRoom;
      history.replaceState(null, '', formatPlace({ room }));
      this.#show({ room });
    }
  }

  #show({ room, tab: part, seq }: Place): void {
    const tab: Tab = part ?? 'chat';
    const known = this.rooms.find((other) => other.name === room);
    const view = known ?? this.#add(room);
    if (!known) this.#keepRooms();
    if (view && (view !== this.current || tab !== this.tab)) {
      // Nobody reads a chat that stands behind a document: what comes meanwhile is unread.
      if (this.tab === 'chat') this.current?.close();
      this.current = view;
      this.tab = tab;
      if (tab === 'chat') view.open();
    }
    this.target = seq === undefined ? undefined : { seq };
  }

  #add(name: string): RoomView | undefined {
    if (!this.#hub) return undefined;
    const view = new RoomView(this.#hub.room(name));
    this.rooms = [...this.rooms, view].sort((a, b) => inOrder.compare(a.name, b.name));
    void view.join().catch(() => undefined); // the room's list says why it is not joined
    return view;
  }

  #keepRooms(): void {
    local.write(
      'rooms',
      this.rooms.map((view) => view.name),
    );
  }

  #keepName(name: string): void {
    this.guestName = name.trim();
    local.write('name', this.guestName);
  }

  /** Another tab has written something down. */
  #stored({ key }: StorageEvent): void {
    if (key === null || !this.#hub) return;
    const read = roomOfKey(key, prefix);
    if (read !== undefined) this.rooms.find((view) => view.name === read)?.readElsewhere();
    if (key === `${prefix}rooms`) this.#takeRooms(local.read('rooms', isStrings) ?? []);
    if (key === `${prefix}name`) this.#takeName(local.read('name', isString));
  }

  /** The rooms as another tab has them now; the one that is open here stays. */
  #takeRooms(names: string[]): void {
    for (const view of this.rooms) {
      if (names.includes(view.name) || view === this.current) continue;
      this.rooms = this.rooms.filter((other) => other !== view);
      view.dispose();
      void view.room.leave().catch(() => undefined);
    }
    for (const name of names) {
      if (!roomProblem(name) && !this.rooms.some((view) => view.name === name)) this.#add(name);
    }
  }

  #takeName(name: string | undefined): void {
    if (name === undefined || name === this.guestName) return;
    this.guestName = name;
    this.#hub?.setName(name);
  }
}

function waits(message: Message): boolean {
  return message.state === 'pending' || message.state === 'sending';
}

/** Who a token is for, as a name for what is kept: the hub alone decides whether it is true. */
export function subject(token: string): string {
  try {
    const part = token.split('.')[1] ?? '';
    const claims: unknown = JSON.parse(atob(part.replace(/-/g, '+').replace(/_/g, '/')));
    return typeof claims === 'object' && claims !== null && 'sub' in claims ? String(claims.sub) : 'unknown';
  } catch {
    return 'unknown';
  }
}

export const app = new App();
