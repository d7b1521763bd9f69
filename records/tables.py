"""Every module that declares tables: a process that maps one must know all, since they refer to each other.

A test keeps the list complete.
"""

import audit.trail
import audit.tree
import records.alarms
import records.apikeys
import records.breakers
import records.budgets
import records.cases
import records.challenges
import records.chats
import records.checking
import records.contacting
import records.crm.deliveries
import records.crm.events
import records.crm.references
import records.crm.remotes
import records.crm.subscribers
import records.documents
import records.escalations
import records.exports
import records.heartbeats
import records.interceptions
import records.links
import records.messages
import records.notices
import records.optins
import records.optouts
import records.organizations
import records.pacing
import records.people
import records.receipts.entries
import records.receipts.rows
import records.reminders
import records.requests
import records.requirements
import records.rescans
import records.senders
import records.sessions
import records.templates
import records.trays
import records.uploads
import records.wishes
import records.withdrawing
from storage.database import Base

metadata = Base.metadata
MODULES = (
    audit.trail,
    audit.tree,
    records.alarms,
    records.apikeys,
    records.breakers,
    records.budgets,
    records.cases,
    records.challenges,
    records.chats,
    records.checking,
    records.crm.deliveries,
    records.crm.events,
    records.crm.references,
    records.crm.remotes,
    records.crm.subscribers,
    records.contacting,
    records.documents,
    records.escalations,
    records.exports,
    records.heartbeats,
    records.interceptions,
    records.links,
    records.messages,
    records.optins,
    records.notices,
    records.optouts,
    records.organizations,
    records.pacing,
    records.people,
    records.receipts.entries,
    records.receipts.rows,
    records.reminders,
    records.requests,
    records.requirements,
    records.rescans,
    records.senders,
    records.sessions,
    records.templates,
    records.trays,
    records.uploads,
    records.wishes,
    records.withdrawing,
)
