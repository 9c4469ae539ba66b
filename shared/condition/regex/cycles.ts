/**
 * The strongly connected components of a graph that hold a cycle (Tarjan's algorithm).
 *
 * @param next by node: the nodes that it leads to
 * @returns by node: the number of its component, or -1 for a node that is on no cycle
 */
export function cycles(next: readonly (readonly number[])[]): readonly number[] {
  const component = next.map(() => -1);
  const order = next.map(() => -1);
  const low = next.map(() => -1);
  const stack: number[] = [];
  const onStack = new Set<number>();
  let visited = 0;
  let components = 0;

  function visit(node: number): void {
    order[node] = low[node] = visited++;
    stack.push(node);
    onStack.add(node);
    for (const other of next[node] ?? []) {
      if (order[other] === -1) {
        visit(other);
        low[node] = Math.min(low[node] ?? 0, low[other] ?? 0);
      } else if (onStack.has(other)) {
        low[node] = Math.min(low[node] ?? 0, order[other] ?? 0);
      }
    }
    if (low[node] === order[node]) close(node);
  }

  function close(root: number): void {
    const members = stack.splice(stack.indexOf(root));
    const isCycle = members.length > 1 || (next[root] ?? []).includes(root);
    for (const member of members) {
      onStack.delete(member);
      if (isCycle) component[member] = components;
    }
    components += 1;
  }

  for (let node = 0; node < next.length; node++) if (order[node] === -1) visit(node);
  return component;
}
