// Types of what answers use beside the DOM, as far as their use is checked: React and the globals of Node.js and of test runners.
declare module "react" {
  export type ReactNode = unknown;
  export type Key = string | number;
  export type SetStateAction<S> = S | ((previous: S) => S);
  export type Dispatch<A> = (action: A) => void;
  export interface RefObject<T> { readonly current: T | null }
  export interface MutableRefObject<T> { current: T }
  export type FC<P = {}> = (props: P & { children?: ReactNode }) => JSX.Element | null;
  export type FunctionComponent<P = {}> = FC<P>;
  export type PropsWithChildren<P = {}> = P & { children?: ReactNode };
  export interface CSSProperties { [name: string]: string | number | undefined }
  export interface SyntheticEvent<T = Element> { readonly currentTarget: T; readonly target: EventTarget & T; preventDefault(): void; stopPropagation(): void }
  export interface ChangeEvent<T = Element> extends SyntheticEvent<T> {}
  export interface FormEvent<T = Element> extends SyntheticEvent<T> {}
  export interface FocusEvent<T = Element> extends SyntheticEvent<T> { readonly relatedTarget: EventTarget | null }
  export interface MouseEvent<T = Element> extends SyntheticEvent<T> { readonly clientX: number; readonly clientY: number; readonly button: number }
  export interface KeyboardEvent<T = Element> extends SyntheticEvent<T> { readonly key: string; readonly code: string; readonly shiftKey: boolean; readonly ctrlKey: boolean; readonly altKey: boolean; readonly metaKey: boolean }
  export type ChangeEventHandler<T = Element> = (event: ChangeEvent<T>) => void;
  export type KeyboardEventHandler<T = Element> = (event: KeyboardEvent<T>) => void;
  export type MouseEventHandler<T = Element> = (event: MouseEvent<T>) => void;
  export interface Context<T> { Provider: FC<{ value: T }> ; Consumer: FC<{ children: (value: T) => ReactNode }> }
  export function createContext<T>(value: T): Context<T>;
  export function useContext<T>(context: Context<T>): T;
  export function useState<S>(initial: S | (() => S)): [S, Dispatch<SetStateAction<S>>];
  export function useState<S = undefined>(): [S | undefined, Dispatch<SetStateAction<S | undefined>>];
  export function useReducer<S, A>(reducer: (state: S, action: A) => S, initial: S): [S, Dispatch<A>];
  export function useEffect(effect: () => void | (() => void), dependencies?: readonly unknown[]): void;
  export function useLayoutEffect(effect: () => void | (() => void), dependencies?: readonly unknown[]): void;
  export function useRef<T>(initial: T): MutableRefObject<T>;
  export function useRef<T>(initial: T | null): RefObject<T>;
  export function useRef<T = undefined>(): MutableRefObject<T | undefined>;
  export function useMemo<T>(make: () => T, dependencies: readonly unknown[]): T;
  export function useCallback<F extends (...values: never[]) => unknown>(callback: F, dependencies: readonly unknown[]): F;
  export function useId(): string;
  export function useDeferredValue<T>(value: T): T;
  export function useTransition(): [boolean, (work: () => void) => void];
  export function memo<P>(component: FC<P>): FC<P>;
  export function forwardRef<T, P = {}>(render: (props: P, ref: MutableRefObject<T | null>) => JSX.Element | null): FC<P & { ref?: RefObject<T> }>;
  export class Component<P = {}, S = {}> { constructor(props: P); props: Readonly<P>; state: Readonly<S>; setState(state: Partial<S> | ((previous: S) => Partial<S>)): void; render(): ReactNode }
  export const Fragment: FC;
  export const StrictMode: FC;
  const React: typeof import("react");
  export default React;
}
declare module "react-dom/client" {
  export function createRoot(container: Element): { render(node: unknown): void; unmount(): void };
}
declare namespace React {
  type ReactNode = import("react").ReactNode;
  type FC<P = {}> = import("react").FC<P>;
  type CSSProperties = import("react").CSSProperties;
  type SyntheticEvent<T = Element> = import("react").SyntheticEvent<T>;
  type ChangeEvent<T = Element> = import("react").ChangeEvent<T>;
  type FormEvent<T = Element> = import("react").FormEvent<T>;
  type FocusEvent<T = Element> = import("react").FocusEvent<T>;
  type MouseEvent<T = Element> = import("react").MouseEvent<T>;
  type KeyboardEvent<T = Element> = import("react").KeyboardEvent<T>;
}
declare namespace JSX {
  interface Element {}
  interface ElementAttributesProperty { props: {} }
  interface ElementChildrenAttribute { children: {} }
  interface IntrinsicAttributes { key?: string | number }
  type Handler<E> = (event: E) => void;
  interface Attributes<T> {
    onChange?: Handler<import("react").ChangeEvent<T>>; onInput?: Handler<import("react").FormEvent<T>>; onSubmit?: Handler<import("react").FormEvent<T>>;
    onKeyDown?: Handler<import("react").KeyboardEvent<T>>; onKeyUp?: Handler<import("react").KeyboardEvent<T>>; onClick?: Handler<import("react").MouseEvent<T>>;
    onMouseDown?: Handler<import("react").MouseEvent<T>>; onMouseEnter?: Handler<import("react").MouseEvent<T>>; onFocus?: Handler<import("react").FocusEvent<T>>; onBlur?: Handler<import("react").FocusEvent<T>>;
    [name: string]: unknown;
  }
  type Elements = { [Name in keyof HTMLElementTagNameMap]: Attributes<HTMLElementTagNameMap[Name]> };
  interface IntrinsicElements extends Elements { [name: string]: Attributes<Element> }
}
declare const process: { env: { [name: string]: string | undefined }; argv: string[]; exit(code?: number): never; stdout: { write(text: string): boolean }; stderr: { write(text: string): boolean } };
declare function require(name: string): unknown;
declare function describe(name: string, body: () => void): void;
declare function it(name: string, body: () => unknown): void;
declare function test(name: string, body: () => unknown): void;
