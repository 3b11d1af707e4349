/** Which page is where. Pages are loaded when they are first gone to. */

import { only, parseSearch, stringifySearch } from "@awe/kit";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Frame, Lost } from "./Frame.tsx";

const root = createRootRoute({ component: Frame, notFoundComponent: Lost });
const page = <Path extends string>(
  path: Path,
  component: ReturnType<typeof lazyRouteComponent>,
  validateSearch: ReturnType<typeof only<string>> = only(),
) => createRoute({ getParentRoute: () => root, path, component, validateSearch });

const INBOX = only("search_text", "policy_key", "artifact_type", "overdue", "cursor");
const REQUESTS = only(
  "search_text",
  "artifact_id",
  "status",
  "policy_key",
  "requester",
  "assignee",
  "artifact_type",
  "created_since",
  "created_until",
  "updated_since",
  "overdue",
  "cursor",
);
const DELIVERIES = only(
  "tab",
  "status",
  "endpoint",
  "event_type",
  "artifact_id",
  "request_id",
  "since",
  "until",
  "cursor",
  "delivery",
);
const AUDIT = only(
  "search_text",
  "actor",
  "action",
  "resource_type",
  "resource_id",
  "since",
  "until",
  "cursor",
  "entry",
);

const routes = [
  page(
    "/",
    lazyRouteComponent(() => import("../pages/home.tsx"), "Home"),
  ),
  page(
    "/inbox",
    lazyRouteComponent(() => import("../pages/inbox/Inbox.tsx"), "Inbox"),
    INBOX,
  ),
  page(
    "/inbox/$requestId/$taskId",
    lazyRouteComponent(() => import("../pages/inbox/TaskPage.tsx"), "TaskPage"),
    INBOX,
  ),
  page(
    "/requests",
    lazyRouteComponent(() => import("../pages/requests/Requests.tsx"), "Requests"),
    REQUESTS,
  ),
  page(
    "/requests/$requestId",
    lazyRouteComponent(() => import("../pages/requests/RequestPage.tsx"), "RequestPage"),
    only("delivery"),
  ),
  page(
    "/policies",
    lazyRouteComponent(() => import("../pages/policies/Policies.tsx"), "Policies"),
    only("search_text", "status"),
  ),
  page(
    "/policies/new",
    lazyRouteComponent(() => import("../pages/policies/Designer.tsx"), "NewPolicy"),
    only("view", "stage"),
  ),
  page(
    "/policies/$key",
    lazyRouteComponent(() => import("../pages/policies/PolicyPage.tsx"), "PolicyPage"),
    only("tab", "version", "with"),
  ),
  page(
    "/policies/$key/edit/$version",
    lazyRouteComponent(() => import("../pages/policies/Designer.tsx"), "EditPolicy"),
    only("view", "stage"),
  ),
  page(
    "/deliveries",
    lazyRouteComponent(() => import("../pages/deliveries/Deliveries.tsx"), "Deliveries"),
    DELIVERIES,
  ),
  page(
    "/secrets",
    lazyRouteComponent(() => import("../pages/secrets.tsx"), "Secrets"),
  ),
  page(
    "/delegations",
    lazyRouteComponent(() => import("../pages/delegations.tsx"), "Delegations"),
    only("user_id"),
  ),
  page(
    "/audit",
    lazyRouteComponent(() => import("../pages/audit.tsx"), "Audit"),
    AUDIT,
  ),
  page(
    "/system",
    lazyRouteComponent(() => import("../pages/system.tsx"), "System"),
  ),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
});
