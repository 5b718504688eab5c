/*
 * The C client of Apache ZooKeeper, as Debian packs it, against a server: client_suite HOST:PORT
 * (client_suite HOST:PORT PATH is what one of the checks starts).
 *
 * Each check asserts; one that fails says where, and the exit code is 1 at the end. The library calls back from threads
 * of its own, so everything it tells is kept under one lock and waited for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <zookeeper/zookeeper.h>

#define SECONDS 20
#define PATH_MAX_LENGTH 256
#define EVENTS 64

/* One session with what its watchers were told. */
typedef struct {
    zhandle_t *handle;
    int state;
    int losses;
    int count;
    struct { int type; char path[PATH_MAX_LENGTH]; } events[EVENTS];
} session_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *address;
static char root[PATH_MAX_LENGTH];
static int failures;

/* Ends the check that it stands in. */
#define EXPECT(condition)                                                                      \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            printf("         line %d: not so: %s\n", __LINE__, #condition);                    \
            return false;                                                                      \
        }                                                                                      \
    } while (0)

/* As EXPECT for a call that gives an error number, which is named. */
#define GIVES(wanted, call)                                                                    \
    do {                                                                                       \
        int result_ = (call);                                                                  \
        if (result_ != (wanted)) {                                                             \
            printf("         line %d: %s gives %s\n", __LINE__, #call, zerror(result_));       \
            return false;                                                                      \
        }                                                                                      \
    } while (0)

/* Waits, the lock held, until the condition holds; false after SECONDS. */
#define WAIT_UNTIL(condition)                                                                  \
    ({                                                                                         \
        struct timespec until_;                                                                \
        clock_gettime(CLOCK_REALTIME, &until_);                                                \
        until_.tv_sec += SECONDS;                                                              \
        int error_ = 0;                                                                        \
        while (!(condition) && error_ == 0) error_ = pthread_cond_timedwait(&changed, &lock, &until_); \
        error_ == 0;                                                                           \
    })

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    session_t *session = context ? context : (session_t *)zoo_get_context(handle);
    pthread_mutex_lock(&lock);
    if (type == ZOO_SESSION_EVENT) {
        if (state != ZOO_CONNECTED_STATE && session->state == ZOO_CONNECTED_STATE) session->losses++;
        session->state = state;
    } else if (session->count < EVENTS) {
        session->events[session->count].type = type;
        snprintf(session->events[session->count++].path, PATH_MAX_LENGTH, "%s", path);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool wait_for_state(session_t *session, int state, int losses)
{
    pthread_mutex_lock(&lock);
    bool seen = WAIT_UNTIL(session->state == state && session->losses >= losses);
    pthread_mutex_unlock(&lock);
    return seen;
}

static bool wait_for_event(session_t *session, int type, const char *path)
{
    pthread_mutex_lock(&lock);
    bool seen = WAIT_UNTIL(({
        bool found = false;
        for (int i = 0; i < session->count; i++)
            found |= session->events[i].type == type && strcmp(session->events[i].path, path) == 0;
        found;
    }));
    pthread_mutex_unlock(&lock);
    return seen;
}

/* Opens a session, or one again whose id is given. */
static bool start_session(session_t *session, int timeout_ms, const clientid_t *id)
{
    memset(session, 0, sizeof *session);
    session->handle = zookeeper_init(address, on_event, timeout_ms, id, session, 0);
    return session->handle != NULL;
}

static bool open_session(session_t *session)
{
    return start_session(session, 10000, NULL) && wait_for_state(session, ZOO_CONNECTED_STATE, 0);
}

static const char *below(char *buffer, const char *name)
{
    snprintf(buffer, PATH_MAX_LENGTH, "%.120s/%.120s", root, name);
    return buffer;
}

static int make(session_t *session, const char *path, const char *data)
{
    return zoo_create(session->handle, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
}

/* Shuts every connection of this process to the server down, under the library's feet. */
static int cut_connections(void)
{
    int port = atoi(strrchr(address, ':') + 1), found[256], count = 0, cut = 0;
    // All are found before one is cut: its client connects again at once.
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0 || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) == port) found[count++] = fd;
    }
    for (int at = 0; at < count; at++) cut += shutdown(found[at], SHUT_RDWR) == 0;
    return cut;
}

static bool check_znodes(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], child[PATH_MAX_LENGTH], absent[PATH_MAX_LENGTH], made[PATH_MAX_LENGTH], data[16];
    int length = sizeof data;
    struct Stat stat, old;
    below(path, "node");
    below(child, "node/child");
    below(absent, "absent");
    GIVES(ZOK, zoo_create2(one->handle, path, "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made, &old));
    EXPECT(strcmp(made, path) == 0 && old.version == 0 && old.dataLength == 3 && old.czxid == old.mzxid);
    GIVES(ZOK, zoo_get(two->handle, path, 0, data, &length, &stat));
    EXPECT(length == 3 && memcmp(data, "one", 3) == 0 && stat.czxid == old.czxid && stat.ctime == old.ctime);
    GIVES(ZOK, zoo_set2(one->handle, path, "three", 5, 0, &stat));
    EXPECT(stat.version == 1 && stat.dataLength == 5 && stat.mzxid > old.mzxid);
    GIVES(ZBADVERSION, zoo_set(one->handle, path, "", 0, 0));
    GIVES(ZOK, zoo_set(one->handle, path, NULL, -1, 1));
    length = sizeof data;
    GIVES(ZOK, zoo_get(one->handle, path, 0, data, &length, NULL));
    EXPECT(length == -1);
    GIVES(ZNODEEXISTS, make(one, path, ""));
    GIVES(ZNONODE, zoo_exists(one->handle, absent, 0, &stat));
    GIVES(ZNONODE, zoo_delete(one->handle, absent, -1));
    GIVES(ZOK, make(one, child, ""));
    GIVES(ZNOTEMPTY, zoo_delete(one->handle, path, -1));
    struct String_vector names;
    GIVES(ZOK, zoo_get_children2(two->handle, path, 0, &names, &stat));
    EXPECT(names.count == 1 && strcmp(names.data[0], "child") == 0 && stat.numChildren == 1 && stat.cversion == 1);
    deallocate_String_vector(&names);
    GIVES(ZBADVERSION, zoo_delete(one->handle, child, 4));
    GIVES(ZOK, zoo_delete(one->handle, child, 0));
    GIVES(ZOK, zoo_delete(one->handle, path, 2));
    GIVES(ZNONODE, zoo_exists(two->handle, path, 0, &stat));
    return true;
}

static bool check_kinds(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], child[PATH_MAX_LENGTH], made[PATH_MAX_LENGTH], wanted[PATH_MAX_LENGTH];
    struct Stat stat;
    session_t other;
    EXPECT(open_session(&other));
    GIVES(ZOK, make(one, below(path, "kinds"), ""));
    GIVES(ZOK, zoo_create(other.handle, below(path, "kinds/e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0));
    GIVES(ZOK, zoo_wexists(one->handle, path, on_event, one, &stat));
    EXPECT(stat.ephemeralOwner == zoo_client_id(other.handle)->client_id);
    GIVES(ZNOCHILDRENFOREPHEMERALS, make(two, below(child, "kinds/e/child"), ""));
    for (int number = 1; number <= 2; number++) {
        int mode = number == 1 ? ZOO_EPHEMERAL_SEQUENTIAL : ZOO_PERSISTENT_SEQUENTIAL;
        below(child, "kinds/n-");
        GIVES(ZOK, zoo_create(other.handle, child, "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made));
        snprintf(wanted, sizeof wanted, "%.200s%010d", child, number);
        EXPECT(strcmp(made, wanted) == 0);
    }
    GIVES(ZOK, zookeeper_close(other.handle));
    EXPECT(wait_for_event(one, ZOO_DELETED_EVENT, path));
    GIVES(ZOK, zoo_exists(one->handle, made, 0, &stat));

    below(path, "box");
    GIVES(ZOK, zoo_create(one->handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0));
    GIVES(ZOK, make(one, below(child, "box/child"), ""));
    GIVES(ZOK, zoo_wexists(one->handle, path, on_event, one, &stat));
    GIVES(ZOK, zoo_delete(one->handle, child, -1));
    EXPECT(wait_for_event(one, ZOO_DELETED_EVENT, path));
    below(path, "short");
    GIVES(ZOK, zoo_create2_ttl(one->handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 300, made,
                               sizeof made, &stat));
    GIVES(ZOK, zoo_wexists(one->handle, path, on_event, one, &stat));
    EXPECT(wait_for_event(one, ZOO_DELETED_EVENT, path));
    return true;
}

/* What the completions of check_async found, under the lock. */
static struct { int done, order_broken, wrong, version; char data[16]; } seen;

static void on_set(int rc, const struct Stat *stat, const void *number)
{
    pthread_mutex_lock(&lock);
    if (rc != ZOK || stat->version != (int)(long)number) seen.order_broken++;
    if (rc == ZOK) seen.version = stat->version;
    seen.done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *wanted)
{
    pthread_mutex_lock(&lock);
    if (rc != ZOK || length != (int)strlen(wanted) || memcmp(value, wanted, length) != 0) seen.wrong++;
    if (rc == ZOK && stat->version != seen.version) seen.order_broken++;
    seen.done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_string(int rc, const char *value, const void *wanted)
{
    pthread_mutex_lock(&lock);
    if (rc != ZOK || strcmp(value, wanted) != 0) seen.wrong++;
    seen.done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_names(int rc, const struct String_vector *names, const struct Stat *stat, const void *count)
{
    pthread_mutex_lock(&lock);
    if (rc != ZOK || names->count != (int)(long)count || stat->numChildren != names->count) seen.wrong++;
    seen.done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_void(int rc, const void *wanted)
{
    pthread_mutex_lock(&lock);
    if (rc != (int)(long)wanted) seen.wrong++;
    seen.done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool check_async(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], child[PATH_MAX_LENGTH];
    enum { SETS = 300 };
    (void)two;
    memset(&seen, 0, sizeof seen);
    GIVES(ZOK, make(one, below(path, "async"), ""));
    below(child, "async/child");
    for (long number = 1; number <= SETS; number++)
        GIVES(ZOK, zoo_aset(one->handle, path, "data", 4, -1, on_set, (void *)number));
    GIVES(ZOK, zoo_aget(one->handle, path, 0, on_data, "data"));
    GIVES(ZOK, zoo_acreate(one->handle, child, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, on_string, child));
    GIVES(ZOK, zoo_aget_children2(one->handle, path, 0, on_names, (void *)1L));
    GIVES(ZOK, zoo_async(one->handle, path, on_string, path));
    GIVES(ZOK, zoo_adelete(one->handle, path, -1, on_void, (void *)(long)ZNOTEMPTY));
    GIVES(ZOK, zoo_adelete(one->handle, child, 0, on_void, (void *)(long)ZOK));
    pthread_mutex_lock(&lock);
    bool all = WAIT_UNTIL(seen.done == SETS + 6);
    pthread_mutex_unlock(&lock);
    EXPECT(all && seen.order_broken == 0 && seen.wrong == 0 && seen.version == SETS);
    return true;
}

static bool check_watches(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], later[PATH_MAX_LENGTH], data[8];
    int length = sizeof data;
    struct Stat stat;
    struct String_vector names;
    GIVES(ZOK, make(one, below(path, "watch"), ""));
    below(later, "watch/later");
    GIVES(ZOK, zoo_wget(one->handle, path, on_event, one, data, &length, &stat));
    GIVES(ZOK, zoo_wget_children(one->handle, path, on_event, one, &names));
    GIVES(ZNONODE, zoo_wexists(one->handle, later, on_event, one, &stat));
    deallocate_String_vector(&names);
    GIVES(ZOK, zoo_set(two->handle, path, "x", 1, -1));
    GIVES(ZOK, make(two, later, ""));
    EXPECT(wait_for_event(one, ZOO_CHANGED_EVENT, path));
    EXPECT(wait_for_event(one, ZOO_CHILD_EVENT, path));
    EXPECT(wait_for_event(one, ZOO_CREATED_EVENT, later));
    length = sizeof data;
    GIVES(ZOK, zoo_wget(one->handle, later, on_event, one, data, &length, &stat));
    GIVES(ZOK, zoo_delete(two->handle, later, -1));
    EXPECT(wait_for_event(one, ZOO_DELETED_EVENT, later));

    GIVES(ZOK, zoo_wexists(one->handle, path, on_event, one, &stat));
    int before = one->count;
    GIVES(ZNOWATCHER, zoo_remove_watches(one->handle, path, ZWATCHTYPE_CHILD, on_event, one, 0));
    GIVES(ZOK, zoo_remove_watches(one->handle, path, ZWATCHTYPE_DATA, on_event, one, 0));
    GIVES(ZOK, zoo_set(two->handle, path, "unseen", 6, -1));
    length = sizeof data;
    GIVES(ZOK, zoo_get(one->handle, path, 0, data, &length, &stat));
    EXPECT(length == 6 && one->count == before);
    return true;
}

static bool check_multi(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], child[PATH_MAX_LENGTH], made[PATH_MAX_LENGTH];
    struct Stat stat;
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    GIVES(ZOK, make(one, below(path, "multi"), ""));
    below(child, "multi/n-");
    zoo_check_op_init(&ops[0], path, 0);
    zoo_create_op_init(&ops[1], child, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, made, sizeof made);
    zoo_set_op_init(&ops[2], path, "set", 3, 0, &stat);
    GIVES(ZOK, zoo_multi(one->handle, 3, ops, results));
    EXPECT(results[0].err == ZOK && results[1].err == ZOK && results[2].err == ZOK && stat.version == 1);
    EXPECT(strcmp(made + strlen(child), "0000000000") == 0);
    zoo_delete_op_init(&ops[0], made, 0);
    zoo_check_op_init(&ops[1], path, 0);
    zoo_set_op_init(&ops[2], path, "no", 2, -1, &stat);
    GIVES(ZBADVERSION, zoo_multi(two->handle, 3, ops, results));
    EXPECT(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
    GIVES(ZOK, zoo_exists(two->handle, made, 0, &stat));
    return true;
}

static bool check_acl(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH];
    struct ACL_vector acl;
    struct Stat stat;
    session_t owner;
    (void)two;
    EXPECT(open_session(&owner));
    memset(&seen, 0, sizeof seen);
    GIVES(ZOK, zoo_add_auth(owner.handle, "digest", "user:secret", 11, on_void, (void *)(long)ZOK));
    pthread_mutex_lock(&lock);
    bool answered = WAIT_UNTIL(seen.done == 1);
    pthread_mutex_unlock(&lock);
    EXPECT(answered && seen.wrong == 0);
    below(path, "guarded");
    GIVES(ZOK, zoo_create(owner.handle, path, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
    GIVES(ZNOAUTH, zoo_set(one->handle, path, "no", 2, -1));
    GIVES(ZNOAUTH, zoo_set_acl(one->handle, path, -1, &ZOO_OPEN_ACL_UNSAFE));
    GIVES(ZOK, zoo_get_acl(owner.handle, path, &acl, &stat));
    EXPECT(acl.count == 1 && acl.data[0].perms == ZOO_PERM_ALL && strcmp(acl.data[0].id.scheme, "digest") == 0);
    EXPECT(strcmp(acl.data[0].id.id, "user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=") == 0);
    deallocate_ACL_vector(&acl);
    GIVES(ZBADVERSION, zoo_set_acl(owner.handle, path, 3, &ZOO_OPEN_ACL_UNSAFE));
    GIVES(ZOK, zoo_set_acl(owner.handle, path, 0, &ZOO_OPEN_ACL_UNSAFE));
    GIVES(ZOK, zoo_set(one->handle, path, "yes", 3, -1));
    struct ACL nobody = {ZOO_PERM_ALL, {"nosuch", "x"}};
    struct ACL_vector wrong = {1, &nobody};
    GIVES(ZINVALIDACL, zoo_create(one->handle, below(path, "nobody"), "", 0, &wrong, 0, NULL, 0));
    GIVES(ZOK, zookeeper_close(owner.handle));
    return true;
}

static bool check_config(session_t *one, session_t *two)
{
    char buffer[256];
    int length = sizeof buffer;
    struct Stat stat;
    (void)two;
    GIVES(ZOK, zoo_getconfig(one->handle, 0, buffer, &length, &stat));
    EXPECT(length <= 0);
    length = sizeof buffer;
    GIVES(ZRECONFIGDISABLED, zoo_reconfig(one->handle, NULL, "3", NULL, -1, buffer, &length, &stat));
    return true;
}

static bool check_lost_connection(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH], kept[PATH_MAX_LENGTH], data[8];
    int length = sizeof data;
    struct Stat stat;
    session_t quick;
    EXPECT(open_session(&quick));
    int64_t id = zoo_client_id(one->handle)->client_id;
    GIVES(ZOK, make(one, below(path, "lost"), ""));
    GIVES(ZOK, zoo_create(one->handle, below(kept, "kept"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0));
    GIVES(ZOK, zoo_wget(one->handle, path, on_event, one, data, &length, &stat));
    int losses[2] = {one->losses + 1, two->losses + 1};
    EXPECT(cut_connections() == 3);
    EXPECT(wait_for_state(&quick, ZOO_CONNECTED_STATE, 1));
    EXPECT(wait_for_state(one, ZOO_CONNECTED_STATE, losses[0]));
    EXPECT(wait_for_state(two, ZOO_CONNECTED_STATE, losses[1]));
    EXPECT(zoo_client_id(one->handle)->client_id == id);
    GIVES(ZOK, zoo_exists(two->handle, kept, 0, &stat));
    EXPECT(stat.ephemeralOwner == id);
    GIVES(ZOK, zoo_set(quick.handle, path, "x", 1, -1));
    EXPECT(wait_for_event(one, ZOO_CHANGED_EVENT, path));
    GIVES(ZOK, zookeeper_close(quick.handle));
    return true;
}

/* Leaves a session with an ephemeral behind, as a process does that dies, and prints the session's id in hex. */
static int abandon(const char *path)
{
    session_t session;
    if (!open_session(&session)) return 1;
    if (zoo_create(session.handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) != ZOK) return 1;
    const unsigned char *id = (const unsigned char *)zoo_client_id(session.handle);
    for (size_t i = 0; i < sizeof(clientid_t); i++) printf("%02x", id[i]);
    fflush(stdout);
    _exit(0);
}

static bool abandoned_session(const char *path, clientid_t *id)
{
    char command[4 * PATH_MAX_LENGTH];
    snprintf(command, sizeof command, "%.300s %.100s %.255s", program_invocation_name, address, path);
    FILE *child = popen(command, "r");
    if (child == NULL) return false;
    bool whole = true;
    for (size_t i = 0; i < sizeof *id; i++) {
        unsigned byte;
        whole = whole && fscanf(child, "%2x", &byte) == 1;
        if (whole) ((unsigned char *)id)[i] = (unsigned char)byte;
    }
    return pclose(child) == 0 && whole;
}

static bool check_sessions(session_t *one, session_t *two)
{
    char path[PATH_MAX_LENGTH];
    struct Stat stat;
    session_t again, late, thief;
    clientid_t id;
    (void)two;
    EXPECT(abandoned_session(below(path, "left"), &id));
    GIVES(ZOK, zoo_wexists(one->handle, path, on_event, one, &stat));
    EXPECT(stat.ephemeralOwner == id.client_id);
    EXPECT(start_session(&again, 10000, &id) && wait_for_state(&again, ZOO_CONNECTED_STATE, 0));
    EXPECT(zoo_client_id(again.handle)->client_id == id.client_id);
    GIVES(ZOK, zoo_exists(again.handle, path, 0, &stat));
    GIVES(ZOK, zookeeper_close(again.handle));
    EXPECT(wait_for_event(one, ZOO_DELETED_EVENT, path));
    EXPECT(start_session(&late, 10000, &id) && wait_for_state(&late, ZOO_EXPIRED_SESSION_STATE, 0));
    GIVES(ZOK, zookeeper_close(late.handle));

    clientid_t forged = {zoo_client_id(one->handle)->client_id, "not its passwor"};
    EXPECT(start_session(&thief, 10000, &forged) && wait_for_state(&thief, ZOO_EXPIRED_SESSION_STATE, 0));
    GIVES(ZOK, zookeeper_close(thief.handle));
    /* The attempt may cost the owner a connection (Apache's server ends it), but never the session. */
    int64_t owner = zoo_client_id(one->handle)->client_id;
    time_t until = time(NULL) + SECONDS;
    int rc = zoo_exists(one->handle, root, 0, &stat);
    while (rc == ZCONNECTIONLOSS && time(NULL) < until) rc = zoo_exists(one->handle, root, 0, &stat);
    GIVES(ZOK, rc);
    EXPECT(zoo_client_id(one->handle)->client_id == owner);
    return true;
}

static const struct { const char *name; bool (*body)(session_t *, session_t *); } checks[] = {
    {"znodes, stats and errors", check_znodes},
    {"kinds of nodes", check_kinds},
    {"asynchronous calls in order", check_async},
    {"watches and their removal", check_watches},
    {"multi", check_multi},
    {"acl", check_acl},
    {"config and reconfig", check_config},
    {"a lost connection", check_lost_connection},
    {"sessions by their id", check_sessions},
};

int main(int argc, char **argv)
{
    session_t one, two;
    if (argc < 2) {
        fprintf(stderr, "usage: client_suite HOST:PORT\n");
        return 2;
    }
    address = argv[1];
    zoo_set_debug_level(getenv("VERBOSE") ? ZOO_LOG_LEVEL_DEBUG : 0);
    if (argc > 2) return abandon(argv[2]);
    snprintf(root, sizeof root, "/c-%d-%ld", (int)getpid(), (long)time(NULL));
    if (!open_session(&one) || !open_session(&two) || make(&one, root, "") != ZOK) {
        printf("  FAILED no session at %s\n", address);
        return 1;
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        bool passed = checks[i].body(&one, &two);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
        printf("  %s %s (%.2f s)\n", passed ? "ok    " : "FAILED", checks[i].name, took);
        fflush(stdout);
        failures += !passed;
    }
    zookeeper_close(one.handle);
    zookeeper_close(two.handle);
    return failures > 0;
}
